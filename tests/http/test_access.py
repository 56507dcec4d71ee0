"""What a person is told of themselves (GDPR, article 15): exports with the tenant's own key, and what they lack."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.aged_records import write_aged
from tests.support.calls import assert_problem, bearer, execute
from tests.support.sealing import seal

EXPORT = "/api/v1/audit/logs/export"
JANE = "jane.doe@bank.example"


@pytest.fixture
def client(database: TestDatabase, serve: Serve) -> TestClient:
    """A service whose callers prove their tenants."""
    return serve(database_url=SecretStr(database.url("audit_app")))


def exported(client: TestClient, key: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get(EXPORT, headers=bearer(key), params={"format": "ndjson", **query})
    assert answer.status_code == 200, answer.text
    *items, mark = map(json.loads, answer.text.splitlines())
    assert mark == {"complete": True, "count": len(items)}
    return items


def test_everything_about_one_person_comes_as_one_export(client: TestClient, database: TestDatabase) -> None:
    (imported,) = write_aged(database, days=3000, user_id=JANE, error="no such account")
    write_key, read_key = database.issue_api_key("acme", "write"), database.issue_api_key("acme", "read")
    executed = execute(client, api_key=write_key, user_id=JANE, context={"event": "loan.asked"}).json()["id"]
    denied = execute(client, api_key=write_key, user_id=JANE, mode="LIVE")
    assert_problem(denied, 403, "live-disabled")
    execute(client, api_key=write_key, user_id="john")
    execute(client, "globex", api_key=database.issue_api_key("globex"), user_id=JANE)

    found = exported(client, read_key, user_id=JANE, order="asc")

    assert [item["id"] for item in found[:2]] == [imported, executed]
    assert [item["status"] for item in found] == ["success", "success", "denied"]
    assert {(item["tenant_id"], item["user_id"]) for item in found} == {("acme", JANE)}
    assert found[0]["error"] == "no such account"
    assert found[1]["context"]["event"] == "loan.asked"
    refused = client.get(EXPORT, headers=bearer(write_key), params={"user_id": JANE})
    assert_problem(refused, 403, "scope-missing")


def test_what_a_person_approved_for_others_is_an_export_of_its_own(client: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    own = execute(client, api_key=key, user_id=JANE).json()["id"]
    approved = execute(client, api_key=key, user_id="john", context={"approver": JANE}).json()["id"]

    assert [item["id"] for item in exported(client, key, user_id=JANE)] == [own]
    assert [item["id"] for item in exported(client, key, **{"context.approver": JANE})] == [approved]


def test_an_erased_person_is_found_by_neither(client: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    execute(client, api_key=key, user_id=JANE)
    execute(client, api_key=key, user_id="john", context={"approver": JANE})
    seal(database)
    database.execute("SELECT audit.erase_user('acme', %s, 'request')", JANE)

    assert exported(client, key, user_id=JANE) == exported(client, key, **{"context.approver": JANE}) == []
    assert [item["user_id"] for item in exported(client, key)] == [None, None]


def test_the_export_is_on_record_and_the_person_is_not(client: TestClient, database: TestDatabase) -> None:
    exported(client, database.issue_api_key("acme", "read"), user_id=JANE)

    assert database.execute("SELECT detail ->> 'format' FROM audit.admin_events WHERE act = 'records exported'") == [
        ("ndjson",)
    ]
    assert database.execute("SELECT 1 FROM audit.admin_events AS e WHERE e::text LIKE '%%' || %s || '%%'", JANE) == []
