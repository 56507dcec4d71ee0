"""AsyncClient: the same words, on asyncio and trio."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from conftest import Service, Tenant, eventually
from gateway import LOGIN_PAGE, Gateway, problem

import ringfence

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def audit(service: Service, tenant: Tenant, spool: Path) -> AsyncIterator[ringfence.AsyncClient]:
    async with ringfence.AsyncClient(service.url, tenant.key, spool=spool) as client:
        yield client


async def test_work_is_recorded_before_and_after(audit: ringfence.AsyncClient, tenant: Tenant) -> None:
    async with audit.execution("kyc", user="jane") as e:
        assert tenant.records("status, trace_id") == [("started", e.trace_id)]

    assert tenant.records("status, user_id") == [("started", "jane"), ("success", "jane")]


async def test_an_exception_is_recorded_by_its_class_and_raised_on(
    audit: ringfence.AsyncClient, tenant: Tenant
) -> None:
    with pytest.raises(ValueError, match="jane"):
        async with audit.execution("kyc"):
            raise ValueError("jane")

    assert tenant.records("status, error")[1:] == [("error", "ValueError")]


async def test_work_that_is_cancelled_is_recorded_as_an_error(audit: ringfence.AsyncClient, tenant: Tenant) -> None:
    with anyio.CancelScope() as scope:
        async with audit.execution("kyc"):
            scope.cancel()
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    ((status, error),) = tenant.records("status, error")[1:]
    assert status == "error"
    assert "Cancelled" in str(error)


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_a_task_that_is_cancelled_is_recorded_as_an_error(audit: ringfence.AsyncClient, tenant: Tenant) -> None:
    began = asyncio.Event()

    async def work() -> None:
        async with audit.execution("kyc"):
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert tenant.records() == [("started",), ("error",)]


async def test_an_outage_is_spooled_and_replayed_in_order(
    audit: ringfence.AsyncClient, service: Service, tenant: Tenant
) -> None:
    written = [await audit.record("kyc", status="success")]
    service.kill()
    async with audit.execution("kyc"):
        pass
    written += [await audit.enqueue("kyc", status="success")]
    await audit.flush()
    assert await audit.spooled() == 3
    service.start()
    await anyio.to_thread.run_sync(eventually, lambda: audit._delivery.backlog.count() == 0)

    assert tenant.records() == [("success",), ("started",), ("success",), ("success",)]
    assert [tenant.ids()[0], tenant.ids()[-1]] == written


async def test_many_tasks_record_at_once(audit: ringfence.AsyncClient, tenant: Tenant) -> None:
    async def work(number: int) -> None:
        async with audit.execution(f"agent-{number}"):
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(work, number)

    assert sorted(tenant.records("status")) == [("started",)] * 50 + [("success",)] * 50


async def test_a_queue_that_is_full_holds_its_callers_up(service: Service, tenant: Tenant, spool: Path) -> None:
    async with ringfence.AsyncClient(service.url, tenant.key, spool=spool, queue_size=3) as audit:
        written = [await audit.enqueue("kyc", status="success") for _ in range(50)]

    assert tenant.ids() == written


async def test_without_a_spool_work_does_not_begin_unrecorded(service: Service, tenant: Tenant) -> None:
    service.kill()
    async with ringfence.AsyncClient(service.url, tenant.key, spool=False) as audit:
        with pytest.raises(ringfence.NotRecorded):
            async with audit.execution("kyc"):
                pytest.fail("the work began")


async def test_a_key_that_opens_nothing_stops_the_work_before_it_begins(service: Service, spool: Path) -> None:
    async with ringfence.AsyncClient(service.url, f"rf_0123456789abcdef_{1:064d}", spool=spool) as audit:
        with pytest.raises(ringfence.Unauthenticated):
            async with audit.execution("kyc"):
                pytest.fail("the work began")


async def test_an_outcome_is_kept_when_the_key_is_revoked_meanwhile(
    audit: ringfence.AsyncClient, tenant: Tenant
) -> None:
    async with audit.execution("kyc"):
        tenant.revoke(tenant.key)

    assert await audit.spooled() == 1


async def test_the_loop_goes_on_while_the_disk_holds_the_spool_up(
    audit: ringfence.AsyncClient, service: Service, tenant: Tenant, spool: Path
) -> None:
    service.kill()
    written = [await audit.record("kyc", status="success")]
    busy = sqlite3.connect(spool, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")  # until the loop itself ends it

    async def record() -> None:
        written.append(await audit.record("kyc", status="success"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(record)
        while not audit._delivery.backlog._order.locked():  # a thread keeps the record, and waits for the file
            await anyio.lowlevel.checkpoint()
        queued = await audit.enqueue("queue", status="success")
        audit._delivery.backlog.note_tenant(tenant.id)  # as an answer that arrives meanwhile does
        other = ringfence.AsyncClient(service.url, tenant.key, spool=spool)
        busy.rollback()
    busy.close()
    await other.close()
    service.start()
    await anyio.to_thread.run_sync(eventually, lambda: len(tenant.ids()) == 3)

    assert [id_ for id_ in tenant.ids() if id_ != queued] == written


async def test_a_dead_letter_is_listed_and_sent_again(tenant: Tenant, gateway: Gateway, spool: Path) -> None:
    async with ringfence.AsyncClient(gateway.url, tenant.key, spool=spool) as audit:
        with pytest.raises(ringfence.OutcomeNotRecorded):
            async with audit.execution("kyc"):
                gateway.always(problem(413, "body-too-large"))
        (letter,) = await audit.dead_letters()
        gateway.always(None)
        await audit.resend(letter)
        await anyio.to_thread.run_sync(eventually, lambda: audit._delivery.backlog.count() == 0)

    assert tenant.records() == [("started",), ("success",)]


async def test_a_wrong_url_is_an_error_at_first_use(tenant: Tenant, gateway: Gateway, spool: Path) -> None:
    async with ringfence.AsyncClient(gateway.url, tenant.key, spool=spool) as audit:
        gateway.always(LOGIN_PAGE)
        with pytest.raises(ringfence.NotTheService, match=gateway.url):
            async with audit.execution("kyc"):
                pytest.fail("the work began")
        gateway.always(None)
        async with audit.execution("kyc"):
            gateway.always(LOGIN_PAGE)
        assert await audit.spooled() == 1


async def test_an_outcome_is_kept_where_work_may_proceed_in_spite_of_a_wrong_url(
    tenant: Tenant, gateway: Gateway, spool: Path
) -> None:
    gateway.always(LOGIN_PAGE)
    async with ringfence.AsyncClient(gateway.url, tenant.key, spool=spool, unrecorded="proceed") as audit:
        async with audit.execution("kyc"):
            pass
        assert await audit.spooled() == 1


async def test_lists_and_exports_take_no_page_of_a_proxy_for_an_answer(
    tenant: Tenant, gateway: Gateway, spool: Path
) -> None:
    async with ringfence.AsyncClient(gateway.url, tenant.key, spool=spool) as audit:
        gateway.always(LOGIN_PAGE)
        with pytest.raises(ringfence.NotTheService):
            [record async for record in audit.logs()]
        with pytest.raises(ringfence.NotTheService):
            [record async for record in audit.export()]


async def test_lists_and_exports_are_are_iterators(audit: ringfence.AsyncClient) -> None:
    written = [await audit.enqueue("kyc", status="success") for _ in range(600)]
    await audit.flush()

    assert sorted([record.id async for record in audit.logs(agent="kyc")]) == sorted(written)
    assert sorted([record.id async for record in audit.export(agent="kyc")]) == sorted(written)
    assert b"#complete,600," in b"".join([piece async for piece in audit.export_bytes("csv")])
