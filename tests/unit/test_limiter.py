"""Limits that tenants share: alone, one may have all; two share it; and no request is queued for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from app.model.refusals import StorageUnavailable
from app.services.concurrency.limiter import Limiter, Shares


def taken(shares: Shares, tenant: str, amount: int = 1) -> int:
    """Take as much as `tenant` gets, `amount` at a time; return how often."""
    count = 0
    while shares.may_take(tenant, amount):
        shares.take(tenant, amount)
        count += 1
    return count


def test_with_no_reserve_one_tenant_has_everything() -> None:
    assert taken(Shares(8, max_share=1.0), "a") == 8


def test_with_a_reserve_each_has_half_of_what_the_others_leave_and_at_least_one() -> None:
    shares = Shares(8, max_share=0.5)
    assert [taken(shares, tenant) for tenant in ("a", "b", "c", "d", "e")] == [4, 2, 1, 1, 0]


@pytest.mark.parametrize("capacity", [1, 2, 3])
def test_a_small_capacity_still_serves_one_tenant_and_two_serve_two(capacity: int) -> None:
    shares = Shares(capacity, max_share=0.5)
    assert [taken(shares, "a"), taken(shares, "b")] == {1: [1, 0], 2: [1, 1], 3: [1, 1]}[capacity]


def test_bytes_are_shared_as_requests_are() -> None:
    shares = Shares(1000, max_share=0.75)
    assert taken(shares, "a", 100) == 7
    assert taken(shares, "b", 100) == 2
    assert not shares.may_take("c", 101)
    assert shares.may_take("c", 100)


def test_what_is_given_back_is_there_for_others() -> None:
    shares = Shares(4, max_share=0.5)
    assert [taken(shares, "a"), taken(shares, "b")] == [2, 1]
    shares.give_back("a", 2)
    assert (shares.held("a"), shares.free) == (0, 3)
    assert taken(shares, "c") == 1


class Crowd:
    """Callers of one limiter; each holds it until the test lets it go."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.served: list[str] = []
        self.refused: list[str] = []
        self._holding: list[tuple[str, asyncio.Event]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *callers: str) -> None:
        """Let each caller ask, one after another; the first letter of the name is the tenant."""
        for caller in callers:
            self.tasks.append(asyncio.create_task(self._hold(caller), name=caller))
            await settle()

    async def go(self, *callers: str) -> None:
        """Let each caller leave."""
        for caller in callers:
            self.let_go(caller)
            await settle()

    def let_go(self, caller: str) -> None:
        next(event for name, event in self._holding if name == caller).set()

    async def _hold(self, caller: str) -> None:
        event = asyncio.Event()
        try:
            async with self.limiter.hold(caller[0]):
                self.served.append(caller)
                self._holding.append((caller, event))
                await event.wait()
        except StorageUnavailable:
            self.refused.append(caller)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def in_a_loop(test: Callable[[Crowd], Awaitable[Any]], capacity: int, **limits: Any) -> None:
    async def run() -> None:
        crowd = Crowd(Limiter(capacity, busy="busy", **{"max_queued": 4, "max_seconds": 60.0} | limits))
        await test(crowd)
        for task in crowd.tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*crowd.tasks, return_exceptions=True)
        assert crowd.limiter.shares.free == capacity

    asyncio.run(run())


def test_one_tenant_alone_has_all_and_the_whole_queue() -> None:
    async def test(crowd: Crowd) -> None:
        await crowd.come("a1", "a2", "a3", "a4", "a5", "a6")
        assert crowd.served == ["a1", "a2"]
        assert crowd.refused == []
        await crowd.come("a7")
        assert crowd.refused == ["a7"]

    in_a_loop(test, 2)


def test_the_next_turn_goes_to_the_tenant_that_holds_fewest() -> None:
    async def test(crowd: Crowd) -> None:
        await crowd.come("a1", "a2", "a3", "a4", "b1", "b2")
        await crowd.go("a1")
        assert crowd.served == ["a1", "a2", "b1"]
        await crowd.go("a2", "b1")
        assert crowd.served == ["a1", "a2", "b1", "a3", "b2"]  # each has one of the two all the time

    in_a_loop(test, 2)


def test_a_caller_gets_into_a_full_queue_where_another_tenant_has_more() -> None:
    async def test(crowd: Crowd) -> None:
        await crowd.come("a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3")
        assert crowd.refused == ["a5", "a4", "b3"]
        await crowd.go("a1", "a2", "b1", "a3")
        assert crowd.served == ["a1", "a2", "b1", "a3", "b2"]

    in_a_loop(test, 1)


def test_with_a_reserve_a_tenant_is_queued_while_another_gets_in_at_once() -> None:
    async def test(crowd: Crowd) -> None:
        await crowd.come("a1", "a2", "a3", "a4")
        assert crowd.served == ["a1", "a2", "a3"]
        await crowd.come("b1")
        assert crowd.served == ["a1", "a2", "a3", "b1"]
        await crowd.go("a1")
        assert crowd.served == ["a1", "a2", "a3", "b1"]  # b has come meanwhile, and of three a has two
        await crowd.go("b1")
        assert crowd.served[-1] == "a4"

    in_a_loop(test, 4, max_share=0.75)


def test_no_caller_is_queued_longer_than_the_limit_nor_leaves_a_trace() -> None:
    async def test(crowd: Crowd) -> None:
        await crowd.come("a1", "a2")
        await crowd.tasks[1]
        assert crowd.refused == ["a2"]
        await crowd.go("a1")
        await crowd.come("b1")
        assert crowd.served == ["a1", "b1"]

    in_a_loop(test, 1, max_seconds=0.02)


def test_a_cancelled_caller_gets_no_turn() -> None:
    async def test(crowd: Crowd) -> None:
        await crowd.come("a1", "a2", "b1")
        crowd.tasks[2].cancel()
        await crowd.go("a1")
        assert crowd.served == ["a1", "a2"]
        crowd.tasks[1].cancel()
        await settle()
        await crowd.come("c1")
        assert crowd.served == ["a1", "a2", "c1"]

    in_a_loop(test, 1)


def test_a_turn_that_comes_to_a_caller_who_is_just_cancelled_goes_to_the_next() -> None:
    async def test(crowd: Crowd) -> None:
        await crowd.come("a1", "b1", "c1")
        crowd.let_go("a1")
        await asyncio.sleep(0)  # a1 has left, and b1, whose turn it is, has not run yet
        crowd.tasks[1].cancel()
        await settle()
        assert crowd.served == ["a1", "c1"]

    in_a_loop(test, 1)


def test_a_limiter_without_a_queue_refuses_at_once_and_in_its_own_words() -> None:
    async def run() -> None:
        limiter = Limiter(2, busy="as many as there may be", max_share=0.5)
        async with limiter.hold("a"):
            with pytest.raises(StorageUnavailable, match="as many as there may be"):
                async with limiter.hold("a"):
                    pass
            async with limiter.hold("b"):
                assert limiter.shares.free == 0
        assert limiter.shares.free == 2
        async with limiter.hold("a"):
            assert limiter.shares.free == 1

    asyncio.run(run())
