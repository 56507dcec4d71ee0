"""The pages behind a gateway that names the tenant, and on a file; and how large the list is."""

from typing import Any

from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import record, send_json
from tests.viewer.test_hostile_fields import filled
from tests.viewer.visits import COOKIE, OWN_SITE, Auditor, parsed

ACME = {"X-Tenant-ID": "acme"}


def get(client: TestClient, path: str, **headers: str) -> Any:
    return client.get(f"/view/{path}", headers={**ACME, **headers}, follow_redirects=False)


def write(client: TestClient, **fields: Any) -> str:
    answer = send_json(client, record(**fields))
    assert answer.status_code == 201
    return str(answer.json()["id"])


def test_behind_a_gateway_the_header_says_whose_records_are_shown(serve: Serve) -> None:
    client = serve()
    record_id = write(client, agent_id="kyc")
    for path in ("records", f"records/{record_id}", "events"):
        answer = get(client, path)
        assert answer.status_code == 200
        assert "acme" in answer.text
        assert "Sign out" not in answer.text
    for headers, status in (
        ({"X-Tenant-ID": "globex"}, 404), ({"X-Tenant-ID": "unknown"}, 403), ({}, 400),
    ):  # fmt: skip
        answer = client.get(f"/view/records/{record_id}", headers=headers, follow_redirects=False)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "kyc" not in answer.text
    assert get(client, "records/export?format=csv").status_code == 200


def test_behind_a_gateway_nobody_signs_in_with_a_key_and_a_cookie_opens_nothing(
    serve: Serve, database: TestDatabase
) -> None:
    client = serve()
    write(client)
    assert "a gateway in front of this service says who you are" in get(client, "sign-in").text
    key = database.issue_api_key("globex")
    answer = client.post("/view/sign-in", headers=OWN_SITE | ACME, data={"api_key": key})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers
    cookie = {"Cookie": f"{COOKIE}={key}"}
    assert client.get("/view/records", headers=cookie).status_code == 400
    assert "Tenant acme" in parsed(get(client, "records", **cookie).text).text


def test_records_in_a_file_are_shown_and_what_a_file_has_not_is_refused_with_a_page(serve_file: Serve) -> None:
    client = serve_file()
    record_id = write(client, agent_id="kyc", user_id="jane")
    write(client, agent_id="pay")
    page = parsed(get(client, "records").text)
    assert len(page.links(**{"class": "row"})) == 2
    assert "jane called kyc" in " ".join(page.text.split())
    assert len(parsed(get(client, "records?agent_id=kyc").text).links(**{"class": "row"})) == 1
    assert "jane called kyc" in " ".join(parsed(get(client, f"records/{record_id}").text).text.split())
    assert client.get(f"/view/records/{record_id}", headers={"X-Tenant-ID": "globex"}).status_code == 404
    for path in ("records/export?format=csv", f"records/{record_id}/proof", f"records/{record_id}/leaf"):
        answer = get(client, path)
        assert answer.status_code == 501
        assert "<h1>" in answer.text
    assert "No event matches." in get(client, "events").text


def test_the_list_with_fifty_of_the_longest_records_is_small(auditor: Auditor) -> None:
    auditor.write(*(filled("word ", long=True) for _ in range(60)))
    usual = auditor.get("records")
    assert len(parsed(usual.text).links(**{"class": "row"})) == 50
    assert len(usual.content) <= 60_000
