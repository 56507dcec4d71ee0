"""Tenants that share a connection, one after the other or all at once, never see each other's records."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import DatabaseError, errors
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from app.model.credential import ApiKey
from app.services.db import Call
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, execute, records
from tests.support.inside import database_of, pool_of, run_inside

LOGS = "/api/v1/audit/logs"


def run_in_the_pool(client: TestClient, statement: str) -> Any:
    """Run `statement` on one connection of the service's pool, outside any transaction; return its first row."""

    async def run() -> Any:
        async with pool_of(client).connection() as connection:
            cursor = await connection.execute(statement)
            return await cursor.fetchone() if cursor.description else None

    return run_inside(client, run)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["acme", "globex", "unknown"]), st.booleans()), max_size=20))
def test_tenants_interleaved_on_one_connection_see_their_own_records_and_no_others(
    serve_once: TestClient, written: dict[str, list[str]], steps: list[tuple[str, bool]]
) -> None:
    for tenant, writes in steps:
        if tenant == "unknown":
            assert execute(serve_once, tenant).status_code == 403
        elif writes:
            written[tenant].append(execute(serve_once, tenant).json()["id"])
        else:
            assert [record["id"] for record in records(serve_once, tenant)] == written[tenant]
            assert {record["tenant_id"] for record in records(serve_once, tenant)} <= {tenant}


@pytest.fixture
def serve_once(serve: Serve) -> TestClient:
    """The service over a pool of one connection."""
    return serve(database_pool_size=1)


@pytest.fixture
def written() -> dict[str, list[str]]:
    """The ids each tenant has been told are stored."""
    return {"acme": [], "globex": []}


@pytest.mark.parametrize("pool_size", [1, 4])
def test_fifty_tenants_at_once_keep_all_their_records_to_themselves(
    serve: Serve, database: TestDatabase, pool_size: int
) -> None:
    tenants = [database.create_tenant(f"bank-{number}") for number in range(50)]
    client = serve(database_pool_size=pool_size, database_pool_timeout=60.0)
    answered, listed = fifty_at_once(client, tenants)

    assert Counter(answered.values()) == dict.fromkeys(tenants, 6)
    for tenant in tenants:
        mine = {id_ for id_, owner in answered.items() if owner == tenant}
        stored = records(client, tenant)
        assert {record["id"] for record in stored} == mine
        assert {(record["tenant_id"], record["user_id"]) for record in stored} == {(tenant, f"user of {tenant}")}
        assert {record["id"] for record in listed[tenant]} <= mine
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(300,)]


def test_fifty_tenants_at_once_keep_all_their_records_to_themselves_in_the_file(serve_file: Serve) -> None:
    client = serve_file()
    tenants = [f"bank-{number}" for number in range(50)]
    answered, listed = fifty_at_once(client, tenants)

    for tenant in tenants:
        mine = {id_ for id_, owner in answered.items() if owner == tenant}
        assert len(mine) == 6
        assert {record["id"] for record in records(client, tenant)} == mine
        assert {record["id"] for record in listed[tenant]} <= mine


def fifty_at_once(client: TestClient, tenants: list[str]) -> tuple[dict[str, str], dict[str, list[dict[str, Any]]]]:
    """Let every tenant write six records and read in between; return {id: tenant} and what each has read."""
    answered: dict[str, str] = {}
    listed: dict[str, list[dict[str, Any]]] = {tenant: [] for tenant in tenants}
    few_lists = asyncio.Semaphore(32)  # of pages as large as these, more than 34 at once are refused

    async def one(http: httpx.AsyncClient, tenant: str) -> None:
        headers = {"X-Tenant-ID": tenant}
        body = {"input": {}, "user_id": f"user of {tenant}"}
        answer = await http.post("/api/v1/agents/shared/execute", headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["tenant_id"] == tenant
        answered[answer.json()["id"]] = tenant
        async with few_lists:
            page = await http.get(LOGS, headers=headers, params={"agent_id": "shared", "limit": 1000})
        assert page.status_code == 200, page.text
        found = page.json()
        assert {record["tenant_id"] for record in found["items"]} == {tenant}
        listed[tenant] += found["items"]

    async def everyone() -> None:
        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            # As a server hands it on: each request has a copy of what the application has made at its start.
            await client.app({**scope, "state": dict(client.app_state)}, receive, send)

        transport = httpx.ASGITransport(served)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            for _ in range(3):
                await asyncio.gather(*(one(http, tenant) for tenant in tenants for _ in range(2)))

    run_inside(client, everyone)
    return answered, listed


def test_the_tenant_ends_with_its_transaction(serve_once: TestClient) -> None:
    assert execute(serve_once, "acme").status_code == 200
    assert len(records(serve_once, "acme")) == 1

    assert run_in_the_pool(serve_once, "SELECT current_setting('app.tenant_id', true)") == ("",)
    with pytest.raises(DatabaseError, match="no tenant is set") as refusal:
        run_in_the_pool(serve_once, "SELECT audit.list_audit_logs()")
    assert refusal.value.sqlstate == "RF001"
    assert run_in_the_pool(serve_once, "SELECT count(*) FROM audit.audit_logs") == (0,)


def test_the_tenant_ends_with_a_transaction_that_fails(serve_once: TestClient) -> None:
    assert execute(serve_once, "acme", user_id="").status_code == 422
    assert execute(serve_once, "No tenant").status_code == 403

    assert run_in_the_pool(serve_once, "SELECT current_setting('app.tenant_id', true)") == ("",)
    assert execute(serve_once, "acme").status_code == 200


def test_a_setting_that_something_left_in_the_session_opens_nothing_to_the_next_tenant(
    serve_once: TestClient,
) -> None:
    execute(serve_once, "globex")
    run_in_the_pool(serve_once, "SET app.tenant_id = 'globex'")

    assert records(serve_once, "acme") == []
    assert execute(serve_once, "acme").json()["tenant_id"] == "acme"
    assert len(records(serve_once, "acme")) == len(records(serve_once, "globex")) == 1
    assert_problem(execute(serve_once, "unknown"), 403, "tenant-unknown")
    assert_problem(serve_once.get(LOGS), 400, "tenant-missing")


def test_nothing_can_be_left_behind_for_the_next_tenant_in_a_temporary_table(serve_once: TestClient) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        run_in_the_pool(serve_once, "CREATE TEMPORARY TABLE audit_logs (id uuid)")
    assert execute(serve_once, "acme").status_code == 200


def test_the_id_of_another_tenants_record_is_refused_without_saying_whose_it_is(
    serve_once: TestClient, database: TestDatabase
) -> None:
    taken = execute(serve_once, "acme").json()["id"]
    fresh = str(uuid.uuid4())

    def write(id_: str) -> str:
        return (
            "WITH tenant AS MATERIALIZED (SELECT audit.set_tenant('globex') AS id)"
            f" SELECT audit.insert_audit_log(p_id => '{id_}', p_agent_id => 'a', p_mode => 'LIVE', p_status => 'error')"
            " FROM tenant WHERE id IS NOT NULL"
        )

    assert run_in_the_pool(serve_once, write(fresh)) == (uuid.UUID(fresh),)
    with pytest.raises(DatabaseError) as refusal:
        run_in_the_pool(serve_once, write(taken))
    assert refusal.value.sqlstate == "RF004"
    assert "acme" not in str(refusal.value)
    assert database.execute("SELECT tenant_id FROM audit.audit_logs WHERE id = %s", taken) == [("acme",)]


@pytest.mark.parametrize(
    ("left", "seen", "expected"),
    [
        ("SET client_encoding = 'LATIN1'", "SHOW client_encoding", "UTF8"),
        ("SET debug_print_plan = on", "SHOW debug_print_plan", "off"),
        ("SET synchronous_commit = off", "SHOW synchronous_commit", "on"),
        ("SET statement_timeout = '1h'", "SHOW statement_timeout", "15s"),
        ("SET app.tenant_id = 'globex'", "SELECT current_setting('app.tenant_id', true)", ""),
        ("SET ROLE audit_keyed", "SELECT current_user::text", "audit_app"),
        ("SELECT pg_advisory_lock(1)", "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'", "0"),
        ("LISTEN elsewhere", "SELECT count(*)::text FROM pg_listening_channels()", "0"),
        ("PREPARE kept AS SELECT 1", "SELECT count(*)::text FROM pg_prepared_statements", "0"),
        ("BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT 1; COMMIT", "SELECT count(*)::text FROM pg_cursors", "0"),
    ],
)
def test_what_one_request_leaves_in_a_session_is_gone_before_the_next(
    database: TestDatabase, serve: Serve, left: str, seen: str, expected: str
) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")), database_pool_size=1)

    async def leave_and_look() -> tuple[Any, int]:
        async with pool_of(client).connection() as connection:
            await connection.execute(left)
            return await (await connection.execute(seen)).fetchone(), connection.info.backend_pid

    (found,), pid = run_inside(client, leave_and_look)

    assert found != expected
    assert run_in_the_pool(client, seen) == (expected,)
    assert run_in_the_pool(client, "SELECT pg_backend_pid()") == (pid,)


@pytest.mark.parametrize("fails", [False, True])
def test_nor_does_what_was_left_in_a_transaction_of_the_service_reach_the_next(
    database: TestDatabase, serve: Serve, *, fails: bool
) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")), database_pool_size=1)
    key = database.issue_api_key("acme")

    left = "SELECT set_config('client_encoding', 'LATIN1', false) || set_config('role', 'audit_keyed', false)"

    async def leave(call: Call) -> None:
        await call(left, {})
        await call("COMMIT", {})  # which has no value to return

    async def inject() -> None:
        service = database_of(client)
        if not fails:
            await service.call(ApiKey(key, None), left, {})
            return
        with pytest.raises(errors.ProgrammingError):
            await service.call_many(ApiKey(key, None), leave)

    run_inside(client, inject)

    assert run_in_the_pool(client, "SELECT current_user::text") == ("audit_app",)
    answer = client.post(
        "/api/v1/agents/agent/execute",
        json={"input": {}, "user_id": "\u00c3\u00a9"},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200
    assert database.execute("SELECT user_id FROM audit.audit_logs") == [("\u00c3\u00a9",)]
