"""Group commit: what comes in while one write is on its way is gathered, and goes out together with the next.

There is no timer. An item that finds nothing on its way goes at once and alone; under load the writes grow by
themselves, to `max_items` or `max_bytes`. What is queued is bounded by `max_queued`, and shared by tenants as
fair_queue.py has it: each commit takes their items by turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Generic, TypeVar

from app.model.refusals import DatabaseAway, OutcomeUnknown, RingfenceError, StorageUnavailable
from app.services.concurrency.fair_queue import FairQueue

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Hands items to `write`, many at a time, and each of its results to whoever submitted the item."""

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result | RingfenceError]]],
        size: Callable[[Item], int],
        *,
        max_items: int,
        max_bytes: int,
        max_queued: int,
        max_seconds: float | None = None,
    ) -> None:
        """write: stores the items of one commit, and returns a result or a refusal for each, in their order.

        size: bytes of an item, roughly. max_items, max_bytes: of one commit; a single item may be larger.
        max_queued: items that are neither written nor being written. max_seconds: of one write, after which nobody
        waits for it any longer.
        """
        self._write = write
        self._size = size
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._queue: FairQueue[tuple[Item, asyncio.Future[Result]]] = FairQueue(max_queued)
        self._writer: asyncio.Task[None] | None = None

    async def submit(self, tenant: str, item: Item) -> Result:
        """Store `item` and return its result, once `write` has returned. Raises what `write` has for it.

        Raises StorageUnavailable at once when too many are queued. A caller that is cancelled meanwhile loses nothing:
        what was handed over is written all the same, unless it gives way to another tenant's.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        dropped = self._queue.put(tenant, (item, future))
        if dropped is not None:
            _end(dropped[1], StorageUnavailable("too many records wait to be stored"))
        if self._writer is None:
            # In a context of its own: it works for everybody, and not for the request that happens to start it.
            self._writer = asyncio.get_running_loop().create_task(self._write_all(), context=Context())
        return await future

    @property
    def waiting(self) -> int:
        """How many items are queued."""
        return len(self._queue)

    async def drain(self) -> None:
        """Return when everything that was submitted has been written, or refused."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write_all(self) -> None:
        try:
            while self._queue:
                await self._write_some(self._next())
        finally:
            self._writer = None
            # Only where it was cancelled is anything left. Nobody would write it now.
            while self._queue:
                _, future = self._queue.take()
                _end(future, StorageUnavailable("the service stops"))

    def _next(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        taken = [self._queue.take()]
        room = self._max_bytes - self._size(taken[0][0])
        while self._queue and len(taken) < self._max_items:
            room -= self._size(self._queue.first()[0])
            if room < 0:
                break
            taken.append(self._queue.take())
        return taken

    async def _write_some(self, taken: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        deadline: asyncio.TimerHandle | None = None
        if self._max_seconds is not None:
            deadline = asyncio.get_running_loop().call_later(self._max_seconds, self._give_up, taken)
        try:
            results = await self._write([item for item, _ in taken])
        except BaseException as error:
            # Whoever waits must hear of it, whatever it is: a future that nobody ends is a request that hangs.
            unknown = OutcomeUnknown("it is unknown whether it was stored")
            refusal = error if isinstance(error, RingfenceError) else unknown
            for _, future in taken:
                _end(future, refusal)
            if not isinstance(error, Exception):
                raise
            return
        finally:
            if deadline is not None:
                deadline.cancel()
        for (_, future), result in zip(taken, results, strict=False):
            _end(future, result)
        for _, future in taken[len(results) :]:
            _end(future, OutcomeUnknown("it is unknown whether it was stored"))

    def _give_up(self, taken: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        """Let everybody go. The write may take its time to end."""
        for _, future in taken:
            _end(future, OutcomeUnknown("it took too long, and it is unknown whether it was stored"))
        while self._queue:
            _, future = self._queue.take()
            _end(future, DatabaseAway("nothing is stored right now"))


def _end(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():  # its caller has gone
        return
    if isinstance(outcome, RingfenceError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
