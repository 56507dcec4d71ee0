"""Items that come together share a write, and nothing else: not a tenant, not a refusal, not an outcome."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from app.model.refusals import DatabaseUnavailable, InvalidRequest, OutcomeUnknown, RingfenceError, StorageUnavailable
from app.services.concurrency.group_commit import GroupCommit


class Writer:
    """Stands in for a store; each write blocks until the test lets it return."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.may_return = asyncio.Event()
        self.error: BaseException | None = None
        self.forgets_the_last = False

    async def write(self, items: Sequence[str]) -> Sequence[str | RingfenceError]:
        self.writes.append(list(items))
        await self.may_return.wait()
        if self.error is not None:
            raise self.error
        results = [InvalidRequest("no") if item == "bad" else item.upper() for item in items]
        return results[:-1] if self.forgets_the_last and len(results) > 1 else results


def in_a_loop(test: Callable[[Writer, GroupCommit[str, str]], Any], **limits: int) -> None:
    async def run() -> None:
        writer = Writer()
        await test(
            writer,
            GroupCommit(writer.write, len, **{"max_items": 3, "max_bytes": 100, "max_queued": 10, **limits}),
        )

    asyncio.run(run())


async def submitted(commits: GroupCommit[str, str], *items: str) -> list[asyncio.Task[str]]:
    """Submit the first item, and the others once it is on its way; return when none gets further without the writer."""
    tasks = []
    for group in (items[:1], items[1:]):
        tasks += [asyncio.create_task(commits.submit("acme", item)) for item in group]
        for _ in range(5):
            await asyncio.sleep(0)
    return tasks


def test_an_item_that_meets_no_write_goes_at_once() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        (task,) = await submitted(commits, "a")
        assert writer.writes == [["a"]]
        assert not task.done()
        writer.may_return.set()
        assert await task == "A"

    in_a_loop(test)


def test_items_that_come_meanwhile_go_together_and_in_order() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "c")
        writer.may_return.set()
        assert await asyncio.gather(*tasks) == ["A", "B", "C"]
        assert writer.writes == [["a"], ["b", "c"]]

    in_a_loop(test)


@pytest.mark.parametrize(
    ("limits", "writes"), [({}, [["a"], ["b", "c", "d"], ["e"]]), ({"max_bytes": 2}, [["a"], ["b", "c"], ["d", "e"]])]
)
def test_a_commit_is_limited_in_items_and_in_bytes(limits: dict[str, int], writes: list[list[str]]) -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "c", "d", "e")
        writer.may_return.set()
        await asyncio.gather(*tasks)
        assert writer.writes == writes

    in_a_loop(test, **limits)


def test_an_item_larger_than_a_commit_goes_alone() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "large", "b")
        writer.may_return.set()
        assert await asyncio.gather(*tasks) == ["A", "LARGE", "B"]
        assert writer.writes == [["a"], ["large"], ["b"]]

    in_a_loop(test, max_bytes=2)


def test_a_refusal_reaches_its_own_caller_alone() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "bad", "c")
        writer.may_return.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[:2] + results[3:] == ["A", "B", "C"]
        assert isinstance(results[2], InvalidRequest)

    in_a_loop(test)


@pytest.mark.parametrize("error", [StorageUnavailable("unavailable"), ValueError("unexpected")])
def test_a_failed_write_reaches_all_its_callers_and_no_others(error: Exception) -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a")
        writer.error = error
        writer.may_return.set()
        with pytest.raises((StorageUnavailable, OutcomeUnknown)):
            await tasks[0]
        writer.error = None
        assert await commits.submit("acme", "b") == "B"

    in_a_loop(test)


def test_beyond_the_limit_an_item_is_refused_at_once() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "c")
        with pytest.raises(StorageUnavailable):
            await commits.submit("acme", "d")
        writer.may_return.set()
        assert await asyncio.gather(*tasks) == ["A", "B", "C"]

    in_a_loop(test, max_queued=2)


def test_one_tenant_alone_fills_the_queue_and_every_commit() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "c", "d", "e", "f", "g")
        assert commits.queued == 6
        writer.may_return.set()
        await asyncio.gather(*tasks)
        assert writer.writes == [["a"], ["b", "c", "d"], ["e", "f", "g"]]

    in_a_loop(test, max_queued=6)


def test_another_tenant_gets_into_a_full_queue_and_into_the_next_commit() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "c", "d", "e", "f", "g")
        others = [asyncio.create_task(commits.submit("globex", item)) for item in ("x", "y", "z", "too many")]
        await asyncio.sleep(0)
        writer.may_return.set()
        results = await asyncio.gather(*tasks, *others, return_exceptions=True)
        assert writer.writes == [["a"], ["b", "x", "c"], ["y", "d", "z"]]  # the newest of the first gave way
        assert [isinstance(result, StorageUnavailable) for result in results] == [False] * 4 + [True] * 3 + [
            False, False, False, True,
        ]  # fmt: skip

    in_a_loop(test, max_queued=6)


def test_a_cancelled_caller_takes_no_item_back_and_stalls_no_other() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        first, second, third = await submitted(commits, "a", "b", "c")
        first.cancel()
        second.cancel()
        await asyncio.sleep(0)
        writer.may_return.set()
        assert await third == "C"
        assert writer.writes == [["a"], ["b", "c"]]

    in_a_loop(test)


def test_draining_waits_for_everything_that_was_submitted() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "c", "d", "e")
        drained = asyncio.create_task(commits.drain())
        await asyncio.sleep(0)
        assert not drained.done()
        writer.may_return.set()
        await drained
        assert [task.done() for task in tasks] == [True] * 5

    in_a_loop(test)


def test_a_cancelled_writer_leaves_no_caller_without_an_answer() -> None:
    async def test(_: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "a", "b", "c")
        assert commits._writer
        commits._writer.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [OutcomeUnknown, StorageUnavailable, StorageUnavailable]

    in_a_loop(test)


def test_an_item_without_a_result_has_an_unknown_outcome() -> None:
    async def test(writer: Writer, commits: GroupCommit[str, str]) -> None:
        tasks = await submitted(commits, "first", "a", "b")
        writer.forgets_the_last = True
        writer.may_return.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[1] == "A"
        assert isinstance(results[2], OutcomeUnknown)

    in_a_loop(test)


def test_no_caller_is_blocked_for_longer_than_a_write_may_take() -> None:
    async def run() -> None:
        writer = Writer()
        commits = GroupCommit(writer.write, len, max_items=1, max_bytes=100, max_queued=10, max_seconds=0.05)
        tasks = await submitted(commits, "a", "b", "c")
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [OutcomeUnknown, DatabaseUnavailable, DatabaseUnavailable]
        assert writer.writes == [["a"]]
        writer.may_return.set()
        assert await commits.submit("acme", "d") == "D"

    asyncio.run(run())
