"""An answer that never ends holds nobody up: it is an outage, or not the service's."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Tenant, eventually
from gateway import LOGIN_PAGE, Gateway, Reply

import ringfence

TIMEOUT = 0.25
SLOW = Reply(200, b"x", pause=TIMEOUT / 5)
LARGE = Reply(200, b"x" * 65_536, pause=0)
endless = pytest.mark.timeout(20)


@endless
def test_a_slow_answer_without_an_end_is_an_outage(gateway: Gateway, tenant: Tenant, spool: Path) -> None:
    gateway.always(SLOW)
    with ringfence.Client(gateway.url, tenant.key, spool=spool, timeout=TIMEOUT) as audit:
        with audit.execution("kyc"):
            pass
        assert audit.spooled == 2
        gateway.always(None)
        eventually(lambda: audit.spooled == 0)

    assert tenant.records() == [("started",), ("success",)]


@endless
def test_a_slow_answer_without_an_end_is_an_outage_of_the_async_client(
    gateway: Gateway, tenant: Tenant, spool: Path
) -> None:
    async def execute() -> int:
        async with ringfence.AsyncClient(gateway.url, tenant.key, spool=spool, timeout=TIMEOUT) as audit:
            async with audit.execution("kyc"):
                pass
            return await audit.spooled()

    gateway.always(SLOW)
    assert asyncio.run(execute()) == 2


@endless
def test_a_slow_answer_without_an_end_does_not_hold_up_the_queue(gateway: Gateway, tenant: Tenant, spool: Path) -> None:
    gateway.always(SLOW)
    with ringfence.Client(gateway.url, tenant.key, spool=spool, timeout=TIMEOUT) as audit:
        written = audit.enqueue("kyc", status="success")
        audit.flush()
        assert audit.spooled == 1
        gateway.always(None)
        eventually(lambda: audit.spooled == 0)

    assert tenant.ids() == [written]


@endless
def test_a_large_answer_without_an_end_is_not_the_service_s(gateway: Gateway, tenant: Tenant, spool: Path) -> None:
    gateway.always(LARGE)
    with (
        ringfence.Client(gateway.url, tenant.key, spool=spool, timeout=30) as audit,
        pytest.raises(ringfence.NotTheService, match=gateway.url),
        audit.execution("kyc"),
    ):
        pytest.fail("the work began")
    assert not spool.exists()


@endless
def test_a_large_answer_without_an_end_is_not_the_service_s_for_the_async_client(
    gateway: Gateway, tenant: Tenant, spool: Path
) -> None:
    async def execute() -> None:
        async with (
            ringfence.AsyncClient(gateway.url, tenant.key, spool=spool, timeout=30) as audit,
            audit.execution("kyc"),
        ):
            pytest.fail("the work began")

    gateway.always(LARGE)
    with pytest.raises(ringfence.NotTheService, match=gateway.url):
        asyncio.run(execute())


@endless
@pytest.mark.parametrize("read", [ringfence.Client.logs, ringfence.Client.export], ids=["a list", "an export"])
def test_a_large_page_without_an_end_is_not_a_list_nor_a_refusal(
    gateway: Gateway, tenant: Tenant, read: Callable[[ringfence.Client], Iterator[object]]
) -> None:
    gateway.always(Reply(200 if read is ringfence.Client.logs else 404, LARGE.body, pause=0))
    with (
        ringfence.Client(gateway.url, tenant.key, spool=False, timeout=30) as audit,
        pytest.raises(ringfence.NotTheService, match=gateway.url),
    ):
        next(read(audit))


def test_an_answer_that_ends_is_read_whole(gateway: Gateway, tenant: Tenant) -> None:
    with ringfence.Client(gateway.url, tenant.key, spool=False, timeout=TIMEOUT * 20) as audit:
        for _ in range(3):
            audit.record("kyc", status="success", error="x" * 2000)
        assert len(list(audit.logs())) == 3
        gateway.always(LOGIN_PAGE)
        with pytest.raises(ringfence.NotTheService):
            list(audit.logs())
