"""The service seals records in the background: soon, each once, also with several workers and through outages."""

import asyncio
import logging
import time
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from app.services.db import Database
from app.services.postgres.sealer import Horizon, Sealer
from app.telemetry import metrics
from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import lines, record, send
from tests.support.calls import bearer, execute
from tests.support.inside import pool_of, run_inside
from tests.support.polling import eventually

_LEAVES = (
    "SELECT s.leaf_index, s.record_id FROM audit.seals AS s WHERE s.tenant_id = %s AND s.record_id IS NOT NULL"
    " ORDER BY s.epoch, s.leaf_index"
)


def leaves(database: TestDatabase, tenant: str = "acme") -> list[Any]:
    return database.execute(_LEAVES, tenant)


def records_of(database: TestDatabase, tenant: str = "acme") -> set[Any]:
    return {found for (found,) in database.execute("SELECT id FROM audit.audit_logs WHERE tenant_id = %s", tenant)}


def all_sealed_once(database: TestDatabase, tenant: str = "acme") -> bool:
    """Whether each record of the tenant is sealed. Fails for one that is sealed twice, and for a gap."""
    found = leaves(database, tenant)
    assert [index for index, _ in found] == list(range(len(found)))
    sealed = [record_id for _, record_id in found]
    assert len(set(sealed)) == len(sealed)
    return set(sealed) == records_of(database, tenant)


@pytest.mark.parametrize("role", ["audit_app", "audit_gateway"])
def test_a_record_is_sealed_soon_after_it_was_answered(serve: Serve, database: TestDatabase, role: str) -> None:
    client = serve(database_url=database.url(role))
    key = database.issue_api_key("acme")
    record_id = execute(client, api_key=key).json()["id"]
    started = time.monotonic()
    eventually(lambda: [str(found) for _, found in leaves(database)] == [record_id])
    assert time.monotonic() - started < 5.0  # two seconds on a machine with nothing else to do


def test_a_bulk_request_is_sealed_whole(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    assert send(client, lines(record() for _ in range(6_000))).status_code == 201
    eventually(lambda: all_sealed_once(database))
    assert len(leaves(database)) == 6_000


def test_two_workers_seal_every_record_once(serve: Serve, database: TestDatabase) -> None:
    clients = [serve(), serve()]
    for number in range(40):
        assert execute(clients[number % 2], ("acme", "globex")[number // 2 % 2]).status_code == 200
    for tenant in ("acme", "globex"):
        eventually(lambda tenant=tenant: all_sealed_once(database, tenant))  # type: ignore[misc]
        assert len(leaves(database, tenant)) == 20


def test_sealing_takes_no_connection_of_the_pool(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_pool_size=1)
    first = execute(client).json()["id"]
    held = run_inside(client, pool_of(client).getconn)
    try:  # what takes the only connection does not hold up sealing
        eventually(lambda: [str(found) for _, found in leaves(database)] == [first])
    finally:
        run_inside(client, lambda: pool_of(client).putconn(held))
    assert execute(client).status_code == 200


def test_sealing_goes_on_after_its_session_was_ended(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    for _ in range(3):
        assert execute(client).status_code == 200
        eventually(lambda: all_sealed_once(database))
        assert database.end_sessions() >= 1
    assert execute(client).status_code == 200
    eventually(lambda: all_sealed_once(database))
    assert len(leaves(database)) == 4


def test_sealing_goes_on_after_an_outage(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_pool_timeout=0.2)
    assert execute(client).status_code == 200
    database.go_down()
    eventually(lambda: execute(client).status_code == 503)
    database.come_up()
    eventually(lambda: execute(client).status_code == 200)
    eventually(lambda: all_sealed_once(database))


def test_in_an_outage_nothing_is_tried(database: TestDatabase) -> None:
    tried = 0
    is_up = False

    async def connect() -> AsyncConnection:
        nonlocal tried
        tried += 1
        return await Database(database.url(), pool_size=1, pool_timeout=1.0).connect()

    async def rest_and_work() -> None:
        nonlocal is_up
        sealing = asyncio.create_task(Sealer(connect, lambda: is_up).run())
        await asyncio.sleep(1.2)  # more than two turns
        assert tried == 0
        is_up = True
        async with asyncio.timeout(10):
            while not tried:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        sealing.cancel()
        await asyncio.gather(sealing, return_exceptions=True)

    asyncio.run(rest_and_work())


def test_a_broken_tree_is_counted_and_told_without_a_name_and_the_others_are_sealed(
    serve: Serve, database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve()
    assert execute(client).status_code == 200
    eventually(lambda: all_sealed_once(database))
    database.execute("UPDATE audit.trees SET root = sha256('') WHERE tenant_id = 'acme'")
    before = metrics.SEAL_CALLS.labels("contradiction")._value.get()
    with caplog.at_level(logging.ERROR, "ringfence"):
        assert execute(client).status_code == 200
        assert execute(client, "globex").status_code == 200
        eventually(lambda: metrics.SEAL_CALLS.labels("contradiction")._value.get() > before)
        eventually(lambda: all_sealed_once(database, "globex"))
    assert len(leaves(database)) == 1
    told = [each.getMessage() for each in caplog.records if "contradicts itself" in each.getMessage()]
    assert told
    assert not any("acme" in each for each in told)


def test_the_time_of_the_last_success_is_a_metric(serve: Serve) -> None:
    client = serve(metrics_token="secret")
    started = time.time()
    eventually(lambda: metrics.SEALED_AT._value.get() > started + 0.5)
    text = client.get("/metrics", headers=bearer("secret")).text
    assert "ringfence_seal_seconds_bucket" in text
    assert 'ringfence_seal_calls_total{outcome="done"}' in text


def test_stopping_the_service_ends_its_sealing_session(serve_any: Serve, database: TestDatabase) -> None:
    sessions = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    with psycopg.connect(database.url()):  # the count sees sessions
        assert database.execute(sessions) == [(1,)]
    client = serve_any(database_url=database.url())
    assert execute(client).status_code == 200
    eventually(lambda: all_sealed_once(database))
    client.__exit__()
    eventually(lambda: database.execute(sessions) == [(0,)])


def test_a_transaction_that_holds_up_sealing_is_timed(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    with psycopg.connect(database.url("postgres")) as writer:
        writer.execute("SELECT pg_current_xact_id()")
        assert execute(client).status_code == 200
        eventually(lambda: metrics.SEALING_HELD_UP._value.get() > 1.0)
        assert leaves(database) == []
    eventually(lambda: all_sealed_once(database))
    eventually(lambda: metrics.SEALING_HELD_UP._value.get() < 1.0)


def test_the_time_held_up_is_since_the_next_number_was_what_can_be_sealed_now() -> None:
    horizon = Horizon()
    assert horizon.seconds(reached=10, sealable=10, now=0.0) == 0.0
    assert horizon.seconds(reached=20, sealable=10, now=1.0) == 0.0
    assert horizon.seconds(reached=30, sealable=10, now=2.0) == 1.0
    assert horizon.seconds(reached=30, sealable=20, now=3.0) == 1.0
    assert horizon.seconds(reached=30, sealable=30, now=4.0) == 0.0
