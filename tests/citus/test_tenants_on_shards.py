"""On Citus too, a tenant writes and reads its own records, with a key and by name, and nothing of another's."""

import json
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.main import create_app
from app.settings import Settings
from tests.citus.conftest import Distributed, Statement

INSERT = "SELECT audit.insert_audit_log(p_agent_id => %s, p_mode => 'LIVE', p_status => 'success')"
LIST = "SELECT audit.list_audit_logs(p_agent_id => %s)"
RAW_INSERT = (
    "INSERT INTO {} (id, tenant_id, agent_id, mode, status) VALUES (gen_random_uuid(), %s, 'forged', 'LIVE', 'success')"
)


def count(answer: str) -> Any:
    return json.loads(answer)["count"]


@pytest.mark.parametrize("way", ["keyed", "named"])
def test_a_tenant_reads_what_it_wrote(distributed: Distributed, way: str) -> None:
    call = getattr(distributed, way)
    call("acme", INSERT, f"agent-{way}")
    assert count(call("acme", LIST, f"agent-{way}")) == 1


@pytest.mark.parametrize("way", ["keyed", "named"])
def test_a_tenant_reads_nothing_of_another(distributed: Distributed, way: str) -> None:
    call = getattr(distributed, way)
    call("acme", INSERT, f"mine-{way}")
    assert count(call("globex", LIST, f"mine-{way}")) == 0


def test_a_repeated_record_is_stored_once(distributed: Distributed) -> None:
    record = json.dumps([{"id": str(uuid4()), "agent_id": "repeated", "mode": "LIVE", "status": "success"}])
    for _ in range(2):
        assert distributed.keyed("acme", "SELECT audit.insert_audit_logs(%s)", record) == 1
    assert count(distributed.keyed("acme", LIST, "repeated")) == 1


def test_records_with_a_context_are_stored_together_and_one_that_is_no_json_is_refused(
    distributed: Distributed,
) -> None:
    record = {
        "agent_id": "with context",
        "mode": "LIVE",
        "status": "success",
        "context": json.dumps({"input_sha256": "0" * 64}),
    }
    for way in (distributed.keyed, distributed.named):
        assert way("acme", "SELECT audit.insert_audit_logs(%s)", json.dumps([record] * 3)) == 3
        with pytest.raises(psycopg.Error) as refused:
            way("acme", "SELECT audit.insert_audit_logs(%s)", json.dumps([record, record | {"context": "{"}]))
        assert refused.value.sqlstate == "RF003"


def test_another_record_under_a_taken_id_is_refused(distributed: Distributed) -> None:
    taken = str(uuid4())
    first, second = ([{"id": taken, "agent_id": agent, "mode": "LIVE", "status": "success"}] for agent in ("a", "b"))
    distributed.keyed("acme", "SELECT audit.insert_audit_logs(%s)", json.dumps(first))
    with pytest.raises(psycopg.Error) as refused:
        distributed.keyed("acme", "SELECT audit.insert_audit_logs(%s)", json.dumps(second))
    assert refused.value.sqlstate == "RF004"


def test_one_batch_stores_records_of_tenants_on_different_nodes(distributed: Distributed) -> None:
    assert distributed.shard_of("acme")[0] != distributed.shard_of("globex")[0]
    records = [
        {"position": place, "api_key": distributed.keys[tenant], "agent_id": "batch", "mode": mode, "status": "success"}
        for place, (tenant, mode) in enumerate([("acme", "LIVE"), ("globex", "LIVE"), ("globex", "no mode")], 1)
    ]
    outcomes = distributed.call("audit_app", ("SELECT audit.insert_audit_log_batch(%s)", [json.dumps(records)]))
    assert [outcome.get("tenant_id") for outcome in outcomes] == ["acme", "globex", None]
    assert outcomes[2]["constraint"] == "audit_logs_mode_known"


def test_a_tenants_query_reaches_one_shard(distributed: Distributed) -> None:
    plan = distributed.named(
        "acme", "EXPLAIN (FORMAT json) SELECT l.id FROM audit.audit_logs AS l WHERE l.tenant_id = 'acme'"
    )
    assert plan[0]["Plan"]["Distributed Query"]["Job"]["Task Count"] == 1


def test_a_name_set_by_hand_opens_nothing_to_a_key(distributed: Distributed) -> None:
    distributed.keyed("acme", INSERT, "named by hand")
    enter = ("SELECT audit.enter_tenant(%s)", [distributed.keys["globex"]])
    steal: Statement = ("SET LOCAL app.tenant_id = 'acme'", [])
    for statement in (LIST % "'named by hand'", RAW_INSERT.format("audit.audit_logs") % "'acme'"):
        with pytest.raises(psycopg.Error) as refused:
            distributed.call("audit_app", enter, steal, (statement, []))
        assert refused.value.sqlstate in ("RF001", "42501")


@pytest.mark.parametrize("statement", ["SELECT count(*) FROM {}", RAW_INSERT % "'acme'"])
def test_a_shard_is_closed_to_the_service_at_its_worker(distributed: Distributed, statement: str) -> None:
    node, shard = distributed.shard_of("acme")
    name: Statement = ("SET LOCAL app.tenant_id = 'acme'", [])
    for table in (shard, "audit.audit_logs"):
        with pytest.raises(psycopg.Error) as refused:
            distributed.call("audit_app", name, (statement.format(table), []), node=node)
        assert refused.value.sqlstate == "42501"


@pytest.mark.parametrize(
    "target", ["workers('SELECT 1')", "all_nodes('SELECT 1')", "shards('audit.audit_logs', 'SELECT 1')"]
)
def test_the_service_runs_no_text_on_a_worker(distributed: Distributed, target: str) -> None:
    statement = f"SELECT success FROM run_command_on_{target}"
    assert distributed.call("postgres", (statement, [])) is True
    with pytest.raises(psycopg.Error) as refused:
        distributed.call("audit_app", (statement, []))
    assert refused.value.sqlstate == "42501"


def test_the_service_learns_no_size_of_a_shard(distributed: Distributed) -> None:
    sizes: Statement = ("SELECT sum(shard_size) FROM citus_shards", [])
    assert distributed.call("postgres", sizes) > 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        distributed.call("audit_app", sizes)


def test_a_named_tenants_record_is_written_through_the_coordinator_alone(distributed: Distributed) -> None:
    node, _ = distributed.shard_of("acme")
    name: Statement = ("SELECT audit.set_on_nodes('app.tenant_id', 'acme', true)", [])
    insert: Statement = (RAW_INSERT.format("audit.audit_logs") % "'acme'", [])
    distributed.call("test_gateway", name, insert)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        distributed.call("test_gateway", name, insert, node=node)


def test_a_key_opens_nothing_at_a_worker(distributed: Distributed) -> None:
    node, _ = distributed.shard_of("acme")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        distributed.call("audit_app", ("SELECT audit.enter_tenant(%s)", [distributed.keys["acme"]]), node=node)


def test_the_service_needs_no_login_at_a_worker(distributed: Distributed) -> None:
    with ExitStack() as opened:
        for node in ("worker_1", "worker_2"):
            worker = opened.enter_context(distributed.cluster.connect(node=node))
            worker.execute("SET citus.enable_ddl_propagation = off")
            worker.execute("SET citus.enable_alter_role_propagation = off")
            worker.execute("ALTER ROLE audit_app CONNECTION LIMIT 0")
            opened.callback(worker.execute, "ALTER ROLE audit_app CONNECTION LIMIT -1")
        with pytest.raises(psycopg.OperationalError):
            distributed.call("audit_app", ("SELECT 1", []), node="worker_1")
        distributed.keyed("acme", INSERT, "kept out")
        assert count(distributed.keyed("acme", LIST, "kept out")) == 1


def test_the_owner_sees_nothing_in_a_shard_without_a_proof(distributed: Distributed) -> None:
    distributed.keyed("acme", INSERT, "unseen")
    node, shard = distributed.shard_of("acme")
    name: Statement = ("SET LOCAL app.tenant_id = 'acme'", [])
    assert distributed.call("postgres", (f"SELECT count(*) FROM {shard}", []), node=node) > 0
    assert distributed.call("audit_owner", name, (f"SELECT count(*) FROM {shard}", []), node=node) == 0


def test_isolation_is_intact_for_the_service(distributed: Distributed) -> None:
    findings = "SELECT string_agg(r.findings, '; ') FROM audit.isolation_report() AS r WHERE NOT r.intact"
    assert distributed.call("audit_app", (findings, [])) is None


def test_the_service_executes_takes_records_lists_and_exports(distributed: Distributed) -> None:
    settings = Settings(database_url=SecretStr(distributed.cluster.url("audit_app")), spool=False)
    with TestClient(create_app(settings)) as client:
        client.headers["authorization"] = f"Bearer {distributed.keys['globex']}"
        assert client.post("/api/v1/agents/served/execute", json={"input": {}}).status_code == 200
        record = {"agent_id": "served", "mode": "LIVE", "status": "success"}
        assert client.post("/api/v1/audit/logs", json=[record, record]).status_code == 201
        assert client.get("/api/v1/audit/logs", params={"agent_id": "served"}).json()["count"] == 3
        exported = client.get("/api/v1/audit/logs/export", params={"agent_id": "served"})
        assert exported.text.splitlines()[-1] == '{"complete": true, "count": 3}'
