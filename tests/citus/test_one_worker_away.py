"""While one worker is away, the tenants of the other are served by every call, and its own are refused."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.main import create_app
from app.settings import Settings
from tests.citus.conftest import Distributed

INSERT = "SELECT audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'LIVE', p_status => 'success')"
RECORD = {"id": str(uuid4()), "agent_id": "agent", "mode": "LIVE", "status": "success"}
NOW = datetime.now(UTC).isoformat()


@pytest.fixture(scope="module", autouse=True)
def _the_worker_of_globex_is_away(distributed: Distributed) -> Iterator[None]:
    distributed.keyed("acme", "SELECT audit.insert_audit_logs(%s)", json.dumps([RECORD]))
    node, _ = distributed.shard_of("globex")
    assert node != distributed.shard_of("acme")[0]
    distributed.cluster.servers[node].stop()
    yield
    distributed.cluster.boot(node)


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        (INSERT, []),
        ("SELECT audit.insert_audit_logs(%s)", [json.dumps([RECORD | {"id": str(uuid4())}] * 2)]),
        ("SELECT audit.insert_audit_logs(%s)", [json.dumps([RECORD])]),
        ("SELECT audit.import_audit_logs(%s)", [json.dumps([RECORD | {"id": str(uuid4()), "created_at": NOW}])]),
        ("SELECT audit.list_audit_logs()", []),
        ("SELECT audit.list_audit_logs(p_agent_id => 'agent', p_status => 'success')", []),
        ("SELECT audit.count_audit_logs()", []),
        ("SELECT audit.get_audit_log(%s)", [RECORD["id"]]),
        ("SELECT audit.summarize_audit_logs()", []),
        ("SELECT audit.list_admin_events()", []),
    ],
)
def test_a_tenant_of_the_other_worker_is_served(distributed: Distributed, call: str, parameters: list[str]) -> None:
    assert distributed.keyed("acme", call, *parameters) is not None


def test_a_named_tenant_of_the_other_worker_is_served(distributed: Distributed) -> None:
    assert distributed.named("acme", INSERT) is not None
    assert distributed.named("acme", "SELECT audit.insert_audit_logs(%s)", json.dumps([RECORD])) == 1
    record = {"id": str(uuid4()), "tenant_id": "acme", "created_at": NOW} | RECORD
    for _ in range(2):
        replay = ("SELECT audit.replay_audit_logs(%s)", [json.dumps([{"line": json.dumps(record)}])])
        assert distributed.call("test_gateway", replay) == [None]


def test_the_service_stores_what_can_be_stored_of_records_that_come_together(distributed: Distributed) -> None:
    settings = Settings(database_url=SecretStr(distributed.cluster.url("audit_app")), spool=False)
    with TestClient(create_app(settings)) as client, ThreadPoolExecutor(8) as callers:

        def execute(tenant: str) -> tuple[str, int]:
            headers = {"authorization": f"Bearer {distributed.keys[tenant]}"}
            answer = client.post("/api/v1/agents/agent/execute", json={"input": {}}, headers=headers)
            return tenant, answer.status_code

        answers = set(callers.map(execute, ["acme", "globex"] * 20))
    assert answers == {("acme", 200), ("globex", 503)}


def test_a_worker_that_is_away_is_no_finding(distributed: Distributed) -> None:
    found = "SELECT count(*) FROM audit.findings_of_nodes()"
    assert distributed.call("audit_app", (found, [])) == 0


def test_a_tenant_of_the_worker_that_is_away_is_refused(distributed: Distributed) -> None:
    for call in (INSERT, "SELECT audit.list_audit_logs()"):
        with pytest.raises(psycopg.OperationalError):
            distributed.keyed("globex", call)
