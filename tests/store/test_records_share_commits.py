"""Records of several requests share one transaction; each is stored under the tenant of its own credential."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from app.model.credential import ApiKey, Credential, NamedTenant
from app.model.record import Record
from app.model.refusals import (
    InvalidRequest,
    RingfenceError,
    ScopeMissing,
    StorageUnavailable,
    TenantMismatch,
    TenantUnknown,
    Unauthenticated,
)
from app.model.uuid_v7 import uuid_v7
from app.services.audit_logger import Stored
from app.services.db import Database
from app.services.postgres.shared_commits import MAX_QUEUED
from app.services.postgres.store import DatabaseAuditLogger
from tests.conftest import TestDatabase

Case = tuple[Credential, Record, str | type[RingfenceError]]


def event(**fields: Any) -> Record:
    values: dict[str, Any] = {
        "id": uuid_v7(),
        "trace_id": "t",
        "agent_id": "agent",
        "mode": "DRY_RUN",
        "status": "success",
    }
    return Record(**values | fields)


def on(database: TestDatabase, role: str, test: Callable[[DatabaseAuditLogger], Awaitable[Any]]) -> Any:
    """Run `test` with an open audit logger."""

    async def run() -> Any:
        logger = DatabaseAuditLogger(Database(database.url(role), pool_size=2, pool_timeout=5))
        await logger.open()
        try:
            return await test(logger)
        finally:
            await logger.close()

    return asyncio.run(run())


async def together(logger: DatabaseAuditLogger, cases: list[Case]) -> list[Any]:
    """Write every record of `cases` at once; return for each its tenant or its refusal."""
    calls = (logger.write_log(credential, event) for credential, event, _ in cases)
    results = await asyncio.gather(*calls, return_exceptions=True)
    return [result.tenant_id if isinstance(result, Stored) else result for result in results]


def tenants_stored(database: TestDatabase) -> dict[Any, str]:
    return dict(database.execute("SELECT id, tenant_id FROM audit.audit_logs"))


def every_kind_of_case(database: TestDatabase) -> list[Case]:
    """Return records that are stored and refused, for each reason, of both tenants."""
    acme, globex = database.issue_api_key("acme"), database.issue_api_key("globex")
    revoked = database.issue_api_key("globex")
    database.execute("SELECT audit.revoke_api_key(%s)", revoked.split("_")[1])
    taken = event()
    return [
        (ApiKey(acme, None), taken, "acme"),
        *((ApiKey(key, None), event(), tenant) for key, tenant in ((acme, "acme"), (globex, "globex")) * 5),
        (ApiKey(acme, "acme"), event(user_id="j" * 256), "acme"),
        (ApiKey(database.issue_api_key("acme", "write"), None), event(), "acme"),
        (ApiKey(database.issue_api_key("acme", "read"), None), event(), ScopeMissing),
        (ApiKey(acme, "globex"), event(), TenantMismatch),
        (ApiKey(revoked, None), event(), Unauthenticated),
        (ApiKey("rf_' OR '1'='1", None), event(), Unauthenticated),
        (ApiKey(globex, None), event(user_id="j" * 257), InvalidRequest),
        (ApiKey(globex, None), event(mode="TEST"), InvalidRequest),
        (ApiKey(globex, None), event(id=taken.id), InvalidRequest),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_each_is_stored_under_its_own_tenant_or_refused_alone_in_any_order(database: TestDatabase, seed: int) -> None:
    first, *cases = every_kind_of_case(database)
    random.Random(seed).shuffle(cases)

    async def test(logger: DatabaseAuditLogger) -> list[Any]:
        await logger.write_log(first[0], first[1])
        return await together(logger, cases)

    results = on(database, "audit_app", test)
    for (_, written, expected), result in zip(cases, results, strict=True):
        if isinstance(expected, str):
            assert result == expected, written
        else:
            assert isinstance(result, expected), (result, expected)
    wanted = {written.id: tenant for _, written, tenant in [first, *cases] if isinstance(tenant, str)}
    assert tenants_stored(database) == wanted


def test_they_share_a_commit(database: TestDatabase) -> None:
    acme, globex = (ApiKey(database.issue_api_key(tenant), None) for tenant in ("acme", "globex"))
    cases: list[Case] = [(key, event(), "") for key in (acme, globex) for _ in range(20)]
    on(database, "audit_app", lambda logger: together(logger, cases))
    (times,) = database.execute("SELECT count(*), count(DISTINCT created_at) FROM audit.audit_logs")
    assert times == (40, 1)  # created_at is the start of the transaction


def test_records_of_named_tenants_share_a_commit_too(database: TestDatabase) -> None:
    cases: list[Case] = [
        (NamedTenant("acme"), event(), "acme"),
        (NamedTenant("nobody"), event(), TenantUnknown),
        (NamedTenant("globex"), event(), "globex"),
    ]
    results = on(database, "audit_gateway", lambda logger: together(logger, cases))
    assert [results[0], results[2]] == ["acme", "globex"]
    assert isinstance(results[1], TenantUnknown)
    assert sorted(tenants_stored(database).values()) == ["acme", "globex"]


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_a_record_that_cannot_even_be_sent_harms_no_other_and_costs_it_no_commit(
    database: TestDatabase, text: str
) -> None:
    key = ApiKey(database.issue_api_key("acme"), None)
    cases: list[Case] = [(key, event(), ""), (key, event(user_id=text), ""), (key, event(), "")]
    results = on(database, "audit_app", lambda logger: together(logger, cases))
    assert isinstance(results[1], InvalidRequest)
    assert [results[0], results[2]] == ["acme", "acme"]
    assert database.execute("SELECT count(*), count(DISTINCT created_at) FROM audit.audit_logs") == [(2, 1)]


def test_a_record_whose_id_is_being_written_elsewhere_delays_no_other(database: TestDatabase) -> None:
    acme, globex = (ApiKey(database.issue_api_key(tenant), None) for tenant in ("acme", "globex"))
    busy = [event() for _ in range(40)]
    cases: list[Case] = [(globex, event(), ""), *((acme, one, "") for one in busy), (globex, event(), "")]
    with psycopg.connect(database.url("postgres")) as elsewhere:
        for one in busy:
            elsewhere.execute(
                "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (%s, 'acme', 'agent')", [one.id]
            )
        started = time.monotonic()
        first, *blocked, last = on(database, "audit_app", lambda logger: together(logger, cases))
        assert time.monotonic() - started < 2  # forty waits of five seconds otherwise, until the statement's time is up
        elsewhere.rollback()
    assert (first, last) == ("globex", "globex")
    assert all(isinstance(refusal, StorageUnavailable) for refusal in blocked)
    assert list(tenants_stored(database).values()) == ["globex", "globex"]


def test_a_record_that_comes_twice_in_one_commit_is_stored_once(database: TestDatabase) -> None:
    key, same = ApiKey(database.issue_api_key("acme"), None), event()
    results = on(database, "audit_app", lambda logger: together(logger, [(key, same, ""), (key, same, "")]))
    assert results == ["acme", "acme"]
    assert list(tenants_stored(database)) == [same.id]


def test_a_record_of_another_tenant_does_not_stand_behind_those_of_a_busy_one(database: TestDatabase) -> None:
    acme, globex = (ApiKey(database.issue_api_key(tenant), tenant) for tenant in ("acme", "globex"))
    cases: list[Case] = [*((acme, event(), "") for _ in range(400)), (globex, event(), "")]
    *busy, other = on(database, "audit_app", lambda logger: together(logger, cases))
    assert other == "globex"
    assert busy.count("acme") == MAX_QUEUED - 1
    assert all(isinstance(result, StorageUnavailable) for result in busy if result != "acme")
    times = dict(database.execute("SELECT tenant_id, min(created_at) FROM audit.audit_logs GROUP BY 1"))
    assert times["globex"] == times["acme"]  # it is in the first commit


def test_a_tenant_alone_may_fill_the_queue_and_each_commit(database: TestDatabase) -> None:
    acme = ApiKey(database.issue_api_key("acme"), "acme")
    cases: list[Case] = [(acme, event(), "") for _ in range(MAX_QUEUED)]
    assert on(database, "audit_app", lambda logger: together(logger, cases)) == ["acme"] * MAX_QUEUED
    assert database.execute("SELECT count(DISTINCT created_at) FROM audit.audit_logs") == [(4,)]


def test_a_cancelled_caller_takes_no_record_back(database: TestDatabase) -> None:
    key = ApiKey(database.issue_api_key("acme"), None)
    events = [event() for _ in range(10)]

    async def test(logger: DatabaseAuditLogger) -> None:
        tasks = [asyncio.create_task(logger.write_log(key, each)) for each in events]
        await asyncio.sleep(0)  # all are handed over, and none is answered
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[1::2] == [Stored("acme")] * 5

    on(database, "audit_app", test)
    assert set(tenants_stored(database)) == {each.id for each in events}
