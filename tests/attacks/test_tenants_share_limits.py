"""One tenant that does all it can keeps no other out: each limit that tenants share, with one tenant and with two."""

import asyncio
import json
import select
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager

import httpx
import psycopg
import pytest

from app.http.load_shedding import MAX_READS
from app.model.uuid_v7 import uuid_v7
from tests.conftest import TestDatabase
from tests.support.bulk_calls import LOGS, lines, record
from tests.support.calls import assert_problem, bearer
from tests.support.half_sent import half_sent
from tests.support.held_up import blocked, held_up
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service

EXECUTE = "/api/v1/agents/kyc/execute"
EXPORT = f"{LOGS}/export"
SOON = 2.0
"""Seconds within which the other tenant is served, whatever the first one does."""


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app")) as service:
        service.http.timeout = 60
        yield service


@pytest.fixture
def busy(database: TestDatabase) -> dict[str, str]:
    """The headers of the tenant that does all it can."""
    return bearer(database.issue_api_key("acme"))


@pytest.fixture
def other(database: TestDatabase) -> dict[str, str]:
    """The headers of the other tenant."""
    return bearer(database.issue_api_key("globex"))


def soon(call: Callable[[], httpx.Response], status: int = 200) -> httpx.Response:
    """Return the answer of `call`, which must be `status` and come soon."""
    started = time.monotonic()
    answer = call()
    assert answer.status_code == status, answer.text
    assert time.monotonic() - started < SOON
    return answer


@asynccontextmanager
async def client(service: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=service.http.base_url, trust_env=False, timeout=60, limits=limits) as client:
        yield client


def meanwhile(
    service: ServiceProcess,
    busy: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]],
    count: int,
    begun: Callable[[], object],
    calm: Callable[[], None],
) -> list[httpx.Response]:
    """Make `count` calls of `busy` at once; once `begun` says so, do `calm`; return what the calls were answered."""

    async def run() -> list[httpx.Response]:
        async with client(service) as http:
            calls = [asyncio.ensure_future(busy(http)) for _ in range(count)]
            await asyncio.to_thread(eventually, begun)
            await asyncio.to_thread(calm)
            return await asyncio.gather(*calls)

    return asyncio.run(run())


# Lists.


async def listed(http: httpx.AsyncClient, headers: dict[str, str], refused: list[httpx.Response]) -> httpx.Response:
    """List; put the answer among those that were refused, if it was."""
    answer = await http.get(LOGS, headers=headers)
    if answer.status_code == 503:
        refused.append(answer)
    return answer


def test_lists_of_one_tenant_take_all_but_one_connection_for_reads(
    service: ServiceProcess, database: TestDatabase, busy: dict[str, str]
) -> None:
    # Until its key is known, a tenant counts as a stranger as well, and may have some requests more.
    assert service.http.get(LOGS, headers=busy).status_code == 200
    refused: list[httpx.Response] = []

    def all_have_arrived() -> bool:
        return len(refused) == 80 - MAX_READS and blocked(database) == 6

    with held_up(database, "list_audit_logs", "acme") as lock:
        answers = meanwhile(service, lambda http: listed(http, busy, refused), 80, all_have_arrived, lock.rollback)
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == MAX_READS  # six at work, and the others queued
    assert {*statuses} == {200, 503}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)


def test_lists_of_one_tenant_that_take_long_delay_no_list_of_another(
    service: ServiceProcess, database: TestDatabase, busy: dict[str, str], other: dict[str, str]
) -> None:
    def calm() -> None:
        for _ in range(20):
            soon(lambda: service.http.get(LOGS, headers=other))
        soon(lambda: service.http.get("/api/v1/audit/admin-events", headers=other))

    refused: list[httpx.Response] = []
    with held_up(database, "list_audit_logs", "acme"):
        meanwhile(
            service,
            lambda http: listed(http, busy, refused),
            280,
            lambda: refused and blocked(database) >= 6,
            calm,
        )


# Streams of records, and their way into the database.


def test_one_tenant_has_three_quarters_of_the_streams(service: ServiceProcess, busy: dict[str, str]) -> None:
    with ExitStack() as held:
        for _ in range(6):
            held.enter_context(half_sent(service, LOGS, busy, "application/x-ndjson", lines([record()] * 2)))
        answer = service.http.post(LOGS, headers=busy | {"Content-Type": "application/x-ndjson"}, content=b"{}\n")
        assert_problem(answer, 503, "storage-unavailable")
        assert answer.headers["retry-after"]
        soon(lambda: service.http.post(LOGS, headers=busy, json=record()), 201)


def test_streams_that_drip_keep_no_records_of_another_tenant_out(
    service: ServiceProcess, busy: dict[str, str], other: dict[str, str]
) -> None:
    refused = 0
    with ExitStack() as held:
        for _ in range(8):
            try:
                held.enter_context(half_sent(service, LOGS, busy, "application/x-ndjson", lines([record()] * 2)))
            except ConnectionRefusedError:
                refused += 1
        assert refused == 2
        headers = other | {"Content-Type": "application/x-ndjson"}
        soon(lambda: service.http.post(LOGS, headers=headers, content=lines([record()])), 201)
        soon(lambda: service.http.post(LOGS, headers=other, json=[record()] * 2), 201)


def test_one_tenant_alone_stores_many_records_on_every_connection_there_is_for_them(
    service: ServiceProcess, database: TestDatabase, busy: dict[str, str]
) -> None:
    with held_up(database, "insert_audit_logs", "acme") as lock:
        answers = meanwhile(
            service,
            lambda http: http.post(LOGS, headers=busy, json=[record()] * 2),
            4,
            lambda: blocked(database) == 2,
            lock.rollback,
        )
    assert [answer.status_code for answer in answers] == [201] * 4


def test_records_of_another_tenant_are_the_next_to_be_stored(
    service: ServiceProcess, database: TestDatabase, busy: dict[str, str], other: dict[str, str]
) -> None:
    with held_up(database, "insert_audit_logs", "acme") as lock:

        async def run() -> None:
            async with client(service) as http:
                first = [asyncio.ensure_future(http.post(LOGS, headers=busy, json=[record()] * 2)) for _ in range(4)]
                await asyncio.to_thread(eventually, lambda: blocked(database) == 2)
                later = asyncio.ensure_future(http.post(LOGS, headers=other, json=[record()] * 2))
                done, _ = await asyncio.wait([later], timeout=0.2)
                assert not done
                lock.rollback()
                assert (await asyncio.wait_for(later, SOON)).status_code == 201
                assert {(await each).status_code for each in first} == {201}

        asyncio.run(run())
    times = dict(database.execute("SELECT tenant_id, max(created_at) FROM audit.audit_logs GROUP BY 1"))
    assert times["globex"] < times["acme"]


# Exports.


def test_unread_exports_keep_out_another_of_their_own_tenant_alone(
    service: ServiceProcess, database: TestDatabase, busy: dict[str, str], other: dict[str, str]
) -> None:
    database.execute(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, error)"
        " SELECT audit.uuid_v7(), 'acme', 'agent', repeat('e', 2000) FROM generate_series(1, 20000)"
    )
    with (
        service.http.stream("GET", EXPORT, headers=busy) as unread,
        service.http.stream("GET", EXPORT, headers=busy) as second,
    ):
        assert (unread.status_code, second.status_code) == (200, 200)
        assert_problem(service.http.get(EXPORT, headers=busy), 503, "exports-busy")
        soon(lambda: service.http.get(EXPORT, headers=other))
        soon(lambda: service.http.get(LOGS, headers=other))


# Single records, and the memory that bodies take. The queue of records: tests/store/test_records_share_commits.py.


def test_a_record_that_its_own_tenants_bulk_blocks_holds_up_no_other_tenant(
    service: ServiceProcess, database: TestDatabase, busy: dict[str, str], other: dict[str, str]
) -> None:
    held = str(uuid_v7())
    key = busy["Authorization"].removeprefix("Bearer ")
    with psycopg.connect(database.url("audit_app")) as bulk:
        bulk.execute("SELECT audit.enter_tenant(%s)", [key])
        bulk.execute("SELECT audit.insert_audit_logs(%s::json)", [json.dumps([record(id=held)])])
        slowest = 0.0

        def calm() -> None:
            nonlocal slowest
            for _ in range(100):
                started = time.monotonic()
                answer = service.http.post(EXECUTE, headers=other, json={"input": {}})
                slowest = max(slowest, time.monotonic() - started)
                assert answer.status_code == 200

        async def lone(http: httpx.AsyncClient) -> httpx.Response:
            for _ in range(20):
                answer = await http.post(LOGS, headers=busy, json=record(id=held))
            return answer

        answers = meanwhile(service, lone, 1, lambda: True, calm)
        assert_problem(answers[0], 503, "storage-unavailable")
        assert slowest < 0.25, f"{slowest:.3f}"
        bulk.rollback()
    assert service.http.post(LOGS, headers=busy, json=record(id=held)).status_code == 201


def test_bodies_of_one_tenant_take_three_quarters_of_the_memory_for_bodies(
    service: ServiceProcess, busy: dict[str, str], other: dict[str, str]
) -> None:
    body = json.dumps({"input": {"a": "x" * 1_000_000}}).encode()
    with ExitStack() as held:

        def begin(count: int) -> list[socket.socket]:
            half = (half_sent(service, EXECUTE, busy, "application/json", body, sent=999_000) for _ in range(count))
            return [held.enter_context(each) for each in half]

        def answered(connections: list[socket.socket]) -> int:
            return len(select.select(connections, [], [], 0)[0])

        def post(headers: dict[str, str]) -> httpx.Response:
            return service.http.post(EXECUTE, headers=headers | {"Content-Type": "application/json"}, content=body)

        first = begin(20)
        assert soon(lambda: post(busy)).json()["tenant_id"] == "acme"
        assert answered(first) == 0
        later = begin(20)
        eventually(lambda: answered(first + later) >= 15, within=10)
        soon(lambda: post(other))
