"""A key that shows a part of its tenant, view links and the viewer, with records on shards."""

import json
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.citus.conftest import Distributed, Statement
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer, page
from tests.support.view_links import issue_view_link, restricted_key
from tests.viewer.visits import Auditor, shown_ids

LOGS = "/api/v1/audit/logs"


@pytest.fixture
def client(serve: Serve, database: TestDatabase) -> TestClient:
    """The service as audit_app, on the coordinator."""
    return serve(database_url=SecretStr(database.url("audit_app")))


@pytest.fixture(scope="module")
def stored(distributed: Distributed) -> list[dict[str, Any]]:
    """The only records of acme, newest first: of two agents."""
    for agent in ("kyc", "pay", "kyc"):
        record = [{"agent_id": agent, "trace_id": "t", "user_id": f"of {agent}", "mode": "LIVE", "status": "success"}]
        distributed.keyed("acme", "SELECT audit.insert_audit_logs(%s)", json.dumps(record))
    found: list[dict[str, Any]] = json.loads(distributed.keyed("acme", "SELECT audit.list_audit_logs()"))["items"]
    return found


@pytest.mark.parametrize("restriction", ["filter", "window"])
def test_a_restricted_key_lists_gets_and_exports_its_part(
    client: TestClient, database: TestDatabase, stored: list[dict[str, Any]], restriction: str
) -> None:
    shown, given = {
        "filter": ([each for each in stored if each["agent_id"] == "kyc"], {"agent_id": "kyc"}),
        "window": (stored[:2], {"start_time": stored[1]["created_at"]}),
    }[restriction]
    part = restricted_key(database, "acme", **given)
    assert page(client, api_key=part)["items"] == shown
    for each in stored:
        status = client.get(f"{LOGS}/{each['id']}", headers=bearer(part)).status_code
        assert status == (200 if each in shown else 404)
    exported = client.get(f"{LOGS}/export", headers=bearer(part)).text.splitlines()
    assert [json.loads(line) for line in exported] == [*shown, {"complete": True, "count": 2}]


@pytest.mark.parametrize("path", ["feed", "checkpoint", "logs/{id}/proof", "logs/export?format=evidence"])
def test_a_restricted_key_gets_nothing_that_tells_of_other_records(
    client: TestClient, distributed: Distributed, database: TestDatabase, stored: list[dict[str, Any]], path: str
) -> None:
    address = f"/api/v1/audit/{path}".format(id=stored[0]["id"])
    assert client.get(address, headers=bearer(distributed.keys["acme"])).status_code != 403
    part = restricted_key(database, "acme", agent_id="kyc")
    assert_problem(client.get(address, headers=bearer(part)), 403, "scope-missing")


def test_a_restricted_key_opens_no_other_part_by_setting_its_own_by_hand(
    distributed: Distributed, database: TestDatabase, stored: list[dict[str, Any]]
) -> None:
    part = restricted_key(database, "acme", agent_id="kyc")
    enter: Statement = ("SELECT audit.enter_tenant(%s)", [part])
    listing: Statement = ("SELECT audit.list_audit_logs()", [])
    assert json.loads(distributed.call("audit_app", enter, listing))["count"] == len(stored) - 1
    with pytest.raises(psycopg.Error) as refused:
        distributed.call("audit_app", enter, ("SET LOCAL app.restriction = ''", []), listing)
    assert refused.value.sqlstate == "RF001"


def test_a_key_signs_in_and_its_pages_are_shown(
    client: TestClient, distributed: Distributed, database: TestDatabase, stored: list[dict[str, Any]]
) -> None:
    auditor = Auditor(client, database, distributed.keys["acme"])
    assert auditor.sign_in().status_code == 303
    assert shown_ids(auditor.page("records")) == [each["id"] for each in stored]
    assert shown_ids(auditor.page("records", agent_id="pay")) == [stored[1]["id"]]
    assert "of pay" in auditor.page(f"records/{stored[1]['id']}").text
    assert auditor.get("records/export?format=ndjson").text.endswith('{"complete": true, "count": 3}\n')
    for path in ("overview", "events"):
        assert auditor.get(path).status_code == 200


def test_a_link_opens_once_and_shows_the_part_that_it_was_issued_for(
    client: TestClient, distributed: Distributed, database: TestDatabase, stored: list[dict[str, Any]]
) -> None:
    auditor = Auditor(client, database, distributed.keys["acme"])
    address = f"/view/open/{issue_view_link(database, 'acme', agent_id='kyc')}"
    assert auditor.post(address, {}).status_code == 303
    assert shown_ids(auditor.page("records")) == [stored[0]["id"], stored[2]["id"]]
    assert auditor.get(f"records/{stored[1]['id']}").status_code == 404
    assert auditor.get("overview").status_code == 403
    assert auditor.post(address, {}).status_code == 410
