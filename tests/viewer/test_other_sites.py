"""What another site can have an auditor's browser do: nothing, whatever it holds."""

from typing import Any

from tests.viewer.visits import COOKIE, OWN_SITE, Auditor

OWN, FOREIGN = "http://testserver", "http://evil.example"
REFUSED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Sec-Fetch-Site": "none", "Origin": FOREIGN},
    {"Origin": FOREIGN},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver:81"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://evil@testserver"},
    {},
]
ALLOWED = [OWN_SITE, {"Origin": OWN}, OWN_SITE | {"Origin": OWN}]


def send(auditor: Auditor, path: str, headers: dict[str, str]) -> Any:
    return auditor.post(f"/view/{path}", {"api_key": auditor.key} if path == "sign-in" else {}, headers)


def test_a_form_of_another_site_signs_nobody_in(stranger: Auditor) -> None:
    for headers in REFUSED:
        answer = send(stranger, "sign-in", headers)
        assert answer.status_code == 403, headers
        assert "another site sent this form" in answer.text
        assert "set-cookie" not in answer.headers
        assert COOKIE not in stranger.client.cookies
    for headers in ALLOWED:
        stranger.client.cookies.clear()
        assert send(stranger, "sign-in", headers).status_code == 303, headers
        assert COOKIE in stranger.client.cookies


def test_a_form_of_another_site_signs_nobody_out(auditor: Auditor) -> None:
    for headers in REFUSED:
        answer = send(auditor, "sign-out", headers)
        assert answer.status_code == 403, headers
        assert "set-cookie" not in answer.headers
    assert auditor.get("records").status_code == 200
    for headers in ALLOWED:
        assert send(auditor, "sign-out", headers).status_code == 303
        assert auditor.sign_in().status_code == 303


def test_no_page_may_be_read_by_a_script_of_an_origin_that_calls_the_api(auditor: Auditor) -> None:
    """CORS opens the API to origins that send a key themselves; a cookie is sent to them by no browser."""
    answer = auditor.client.get("/view/records", headers={"Origin": FOREIGN})
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers


def test_another_site_has_no_file_exported(auditor: Auditor) -> None:
    """An export is on record, in the name of whoever has signed in."""
    count = "SELECT count(*) FROM audit.admin_events WHERE act = 'records exported'"
    for site in ("cross-site", "same-site"):
        answer = auditor.client.get("/view/records/export?format=csv", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert "http-equiv" not in answer.text
    assert auditor.database.execute(count) == [(0,)]
    for headers in (OWN_SITE, {"Sec-Fetch-Site": "none"}, {}):
        assert auditor.client.get("/view/records/export?format=csv", headers=headers).status_code == 200
    assert auditor.database.execute(count) == [(3,)]


def test_no_address_leads_to_another_site(stranger: Auditor) -> None:
    for path in ("records/https:evil.example?zone=", "records/%2F%2Fevil.example?zone=", "open/https:evil.example?a="):
        answer = stranger.get(path)
        assert "evil.example" not in answer.headers.get("location", "").partition("next=")[0], path
