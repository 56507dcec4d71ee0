"""Signing in with an API key, and what the cookie opens and for how long."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest

from tests.support.bulk_calls import record
from tests.support.calls import assert_problem
from tests.support.processes import running_service
from tests.viewer.visits import COOKIE, OWN_SITE, UNKNOWN_KEY, Auditor, parameters, parsed


def cookie_of(answer: Any) -> Morsel[str]:
    """Return the only cookie that an answer sets."""
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return morsel


def revoke(auditor: Auditor, key: str) -> None:
    auditor.database.execute("SELECT audit.revoke_api_key(p_id => %s)", key.split("_")[1])


def expire(auditor: Auditor, key: str) -> None:
    auditor.database.execute(
        "UPDATE audit.api_keys SET expires_at = now() - interval '1 s' WHERE id = %s", key.split("_")[1]
    )


def test_a_key_that_may_read_opens_the_records_of_its_tenant(stranger: Auditor) -> None:
    stranger.write(record(agent_id="kyc"))
    answer = stranger.get("records")
    assert (answer.status_code, answer.headers["location"]) == (303, "sign-in?next=records")
    for key in (stranger.key, stranger.database.issue_api_key("acme", "read"), f"  {stranger.key}\n"):
        stranger.client.cookies.clear()
        answer = stranger.sign_in(key)
        assert (answer.status_code, answer.headers["location"]) == (303, "records")
        assert cookie_of(answer).value == key.strip()
        shown = stranger.page("records")
        assert "kyc" in shown.text
        assert "Tenant acme" in shown.text


def test_a_key_that_opens_nothing_is_refused_and_sets_no_cookie(stranger: Auditor) -> None:
    revoked, expired, good = (stranger.database.issue_api_key("acme") for _ in range(3))
    revoke(stranger, revoked)
    expire(stranger, expired)
    unusable = ("", " ", "x", UNKNOWN_KEY, revoked, expired, good[:-1], good + "0", good.upper(), "é" * 84)
    told = set()
    for key in (*unusable, "x" * 100_000, f"Bearer {good}", f"{good} {good}"):
        answer = stranger.sign_in(key)
        assert answer.status_code == 401, key
        assert "set-cookie" not in answer.headers
        told.add(answer.text)
    answer = stranger.sign_in("\0")
    assert (answer.status_code, "set-cookie" in answer.headers) == (422, False)
    assert len(told) == 1  # why is for the operator's log
    assert "This key opens nothing." in told.pop()
    assert stranger.sign_in(good).status_code == 303


def test_a_key_that_only_writes_is_refused_and_sets_no_cookie(stranger: Auditor) -> None:
    answer = stranger.sign_in(stranger.database.issue_api_key("acme", "write"))
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "This key may not read records." in answer.text
    assert stranger.sign_in(stranger.database.issue_api_key("acme", "read", "write")).status_code == 303


def test_a_form_with_other_fields_is_refused(stranger: Auditor) -> None:
    forms: list[dict[str, str]] = [{}, {"next": "records"}, {"api_key": stranger.key, "more": "x"}]
    for sent in forms:
        answer = stranger.post("/view/sign-in", sent)
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers
    for kind, content in (("application/json", f'{{"api_key": "{stranger.key}"}}'), ("multipart/form-data", "--")):
        headers = OWN_SITE | {"Content-Type": kind}
        answer = stranger.client.post("/view/sign-in", headers=headers, content=content)
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers
        assert stranger.key not in answer.text


def test_the_cookie_is_for_this_host_alone_and_for_no_script(stranger: Auditor) -> None:
    answer = stranger.sign_in()
    cookie = cookie_of(answer)
    assert cookie.key == COOKIE
    assert {name: value for name, value in cookie.items() if value} == {
        "httponly": True, "max-age": "28800", "path": "/", "samesite": "strict",
    }  # fmt: skip


def test_over_tls_the_cookie_is_bound_to_tls_and_a_plain_one_opens_nothing(stranger: Auditor) -> None:
    """TLS ends in a proxy, which says so in X-Forwarded-Proto."""
    with running_service(database_url=stranger.database.url("audit_app")) as service:
        tls = OWN_SITE | {"X-Forwarded-Proto": "https"}
        cookie = cookie_of(service.http.post("/view/sign-in", headers=tls, data={"api_key": stranger.key}))
        assert cookie.key == f"__Host-{COOKIE}"
        assert {name: value for name, value in cookie.items() if value} == {
            "httponly": True, "max-age": "28800", "path": "/", "samesite": "strict", "secure": True,
        }  # fmt: skip
        for name, status in ((f"__Host-{COOKIE}", 200), (COOKIE, 303)):
            headers = tls | {"Cookie": f"{name}={stranger.key}"}
            assert service.http.get("/view/records", headers=headers).status_code == status
        for name, status in ((COOKIE, 200), (f"__Host-{COOKIE}", 303)):
            headers = {"Cookie": f"{name}={stranger.key}"}
            assert service.http.get("/view/records", headers=headers).status_code == status
        left = service.http.post("/view/sign-out", headers=tls | {"Cookie": f"__Host-{COOKIE}={stranger.key}"})
        gone = cookie_of(left)
        assert (gone.key, gone.value, gone["max-age"], gone["secure"]) == (f"__Host-{COOKIE}", "", "0", True)


def test_signing_out_has_the_browser_forget_the_key(auditor: Auditor) -> None:
    assert auditor.get("records").status_code == 200
    answer = auditor.post("/view/sign-out", {})
    assert (answer.status_code, answer.headers["location"]) == (303, "sign-in")
    assert (cookie_of(answer).value, cookie_of(answer)["max-age"]) == ("", "0")
    assert COOKIE not in auditor.client.cookies
    assert auditor.get("records").status_code == 303


@pytest.mark.parametrize("end", [revoke, expire])
def test_a_key_that_ends_signs_out_at_once(auditor: Auditor, end: Any) -> None:
    (record_id,) = auditor.write(record())
    pages = ("records", f"records/{record_id}", "events", "records/export?format=csv")
    assert {auditor.get(path).status_code for path in pages} == {200}
    end(auditor, auditor.key)
    for path in pages:
        auditor.client.cookies.set(COOKIE, auditor.key)
        answer = auditor.get(path)
        assert answer.status_code == 303
        assert parameters(answer.headers["location"]) == {"next": path, "ended": "true"}
        assert (cookie_of(answer).value, cookie_of(answer)["max-age"]) == ("", "0")
    told = auditor.page("sign-in", **parameters(answer.headers["location"]))
    assert "Your key no longer opens anything." in told.text


def test_a_cookie_with_something_else_in_it_opens_nothing(stranger: Auditor) -> None:
    for value in (UNKNOWN_KEY, "x", "é" * 42, f"{stranger.key}x", stranger.key[:-1]):
        cookie = {b"cookie": f"{COOKIE}={value}".encode()}
        assert stranger.client.get("/view/records", headers=cookie, follow_redirects=False).status_code == 303
    cookie = {b"cookie": f"{COOKIE}={stranger.key}".encode()}
    assert stranger.client.get("/view/records", headers=cookie, follow_redirects=False).status_code == 200


def test_a_cookie_whose_key_only_writes_is_forgotten(stranger: Auditor) -> None:
    stranger.client.cookies.set(COOKIE, stranger.database.issue_api_key("acme", "write"))
    answer = stranger.get("records")
    assert answer.status_code == 403
    assert cookie_of(answer)["max-age"] == "0"


def test_the_api_takes_no_cookie(auditor: Auditor) -> None:
    assert auditor.get("records").status_code == 200
    for path in ("logs", "logs/export", "admin-events", "checkpoint"):
        assert_problem(auditor.client.get(f"/api/v1/audit/{path}"), 401, "unauthenticated")
    answer = auditor.client.post("/api/v1/audit/logs", headers=OWN_SITE, json=record())
    assert_problem(answer, 401, "unauthenticated")
    assert auditor.write() == []


def test_a_header_beside_the_cookie_does_not_count_and_another_tenants_name_is_refused(auditor: Auditor) -> None:
    other = auditor.database.issue_api_key("globex")
    headers = {"Authorization": f"Bearer {other}"}
    assert "Tenant acme" in parsed(auditor.client.get("/view/records", headers=headers).text).text
    assert auditor.client.get("/view/records", headers={"X-Tenant-ID": "acme"}).status_code == 200
    assert auditor.client.get("/view/records", headers={"X-Tenant-ID": "globex"}).status_code == 403
    assert auditor.get("records?tenant_id=globex").status_code == 403


def test_signing_in_leads_back_to_the_page_that_was_asked_for(stranger: Auditor) -> None:
    wanted = "records?agent_id=k%26c&zone=Europe%2FParis"
    answer = stranger.get(wanted)
    assert parameters(answer.headers["location"]) == {"next": wanted}
    form = stranger.page("sign-in", next=wanted)
    (following,) = form.all("input", name="next")
    assert following["value"] == wanted
    answer = stranger.post("/view/sign-in", {"api_key": stranger.key, "next": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert stranger.get(wanted).status_code == 200


ELSEWHERE = (
    "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/", "..", "../records", "",
    "records/../../..", "javascript:alert(1)", "records\r\nSet-Cookie: x=y", "records?\r\nX: y", "records//evil",
    "records?x=y\n", "sign-out", "records#//evil", "recordsevil", "records?x=é", "records?x= y", "events/..//evil",
)  # fmt: skip


def test_signing_in_leads_nowhere_else(stranger: Auditor) -> None:
    for address in ELSEWHERE:
        (following,) = stranger.page("sign-in", next=address).all("input", name="next")
        assert following["value"] == "records"
        answer = stranger.post("/view/sign-in", {"api_key": stranger.key, "next": address})
        assert (answer.status_code, answer.headers["location"]) == (303, "records")
        assert len(answer.headers.get_list("set-cookie")) == 1
