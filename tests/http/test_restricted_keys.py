"""A key that shows a part of its tenant, over HTTP: it lists, gets and exports that part, and the rest is 403."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer, execute, page
from tests.support.view_links import restricted_key

LOGS = "/api/v1/audit/logs"


@pytest.fixture
def keyed(serve: Serve, database: TestDatabase) -> TestClient:
    """The service as audit_app, with records of two agents of acme."""
    client = serve(database_url=database.url("audit_app"))
    writer = database.issue_api_key("acme", "write")
    for agent in ("credit-scoring", "fraud", "credit-scoring"):
        assert execute(client, agent=agent, api_key=writer, user_id=f"user-of-{agent}").status_code == 200
    return client


def test_it_lists_gets_and_exports_its_part(keyed: TestClient, database: TestDatabase) -> None:
    whole, part = database.issue_api_key("acme"), restricted_key(database, "acme", agent_id="fraud")
    everything = page(keyed, api_key=whole)["items"]
    shown = page(keyed, api_key=part)["items"]

    assert len(everything) == 3
    assert shown == [item for item in everything if item["agent_id"] == "fraud"]
    assert page(keyed, api_key=part, agent_id="credit-scoring")["items"] == []
    for item in everything:
        status = keyed.get(f"{LOGS}/{item['id']}", headers=bearer(part)).status_code
        assert status == (200 if item in shown else 404)
        assert keyed.get(f"{LOGS}/{item['id']}", headers=bearer(whole)).status_code == 200
    lines = keyed.get(f"{LOGS}/export", headers=bearer(part)).text.splitlines()
    assert [json.loads(line) for line in lines] == [*shown, {"complete": True, "count": 1}]
    rows = keyed.get(f"{LOGS}/export", headers=bearer(part), params={"format": "csv"}).text.splitlines()
    assert len(rows) == 3
    assert "credit-scoring" not in "".join(rows)


def test_pages_go_on_to_the_end_of_the_part(keyed: TestClient, database: TestDatabase) -> None:
    part = restricted_key(database, "acme", agent_id="credit-scoring")
    first = page(keyed, api_key=part, limit=1)
    second = page(keyed, api_key=part, limit=1, cursor=first["next_cursor"])

    assert (first["has_more"], second["has_more"]) == (True, False)
    assert {item["agent_id"] for item in first["items"] + second["items"]} == {"credit-scoring"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/audit/admin-events", {}),
        (f"{LOGS}/export", {"format": "evidence"}),
        ("/api/v1/audit/checkpoint", {}),
        ("/api/v1/audit/proofs/consistency", {"from": 1, "to": 1}),
        (f"{LOGS}/{{id}}/leaf", {}),
        (f"{LOGS}/{{id}}/proof", {}),
    ],
)
def test_what_tells_of_other_records_is_refused(
    keyed: TestClient, database: TestDatabase, path: str, query: dict[str, Any]
) -> None:
    whole, part = database.issue_api_key("acme"), restricted_key(database, "acme", agent_id="fraud")
    (own,) = page(keyed, api_key=part)["items"]
    path = path.format(id=own["id"])
    assert keyed.get(path, headers=bearer(whole), params=query).status_code != 403

    problem = assert_problem(keyed.get(path, headers=bearer(part), params=query), 403, "scope-missing")
    assert "shows a part of the records" in problem["detail"]


def test_it_writes_nothing(keyed: TestClient, database: TestDatabase) -> None:
    part = restricted_key(database, "acme", agent_id="fraud")
    assert_problem(execute(keyed, agent="fraud", api_key=part), 403, "scope-missing")
    record = {"agent_id": "fraud", "mode": "LIVE", "status": "success"}
    assert_problem(keyed.post(LOGS, headers=bearer(part), json=record), 403, "scope-missing")


def test_its_reads_and_exports_are_on_record(keyed: TestClient, database: TestDatabase) -> None:
    part = restricted_key(database, "acme", agent_id="fraud")
    page(keyed, api_key=part)
    keyed.get(f"{LOGS}/export", headers=bearer(part))
    keyed.__exit__(None, None, None)  # the use of a key is reported once there is time, and at the end

    acts = database.execute("SELECT act FROM audit.admin_events WHERE api_key_id = %s ORDER BY id", part.split("_")[1])
    assert {act for (act,) in acts} == {"view link opened", "records read", "records exported"}
