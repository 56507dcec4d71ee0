"""Group commit: items that come while one write is under way go together in the next.

There is no timer. An item that meets no write goes at once and alone; under load the writes grow by themselves, up to
`max_items` or `max_bytes`. The queue is a FairQueue: each write takes items of the tenants in turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Generic, TypeVar

from app.model.refusals import DatabaseUnavailable, OutcomeUnknown, RingfenceError, StorageUnavailable
from app.services.concurrency.fair_queue import FairQueue

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(eq=False)
class GroupCommit(Generic[Item, Result]):
    """Hands items to `write`, many at a time, and returns to each caller the result of its own item.

    write: stores the items of one commit; returns a result or a refusal for each, in their order. size: bytes of an
    item, roughly. max_items, max_bytes: of one commit; a single item may be larger. max_queued: items in the queue.
    max_seconds: of one write, after which its callers and the queue get refusals.
    """

    write: Callable[[Sequence[Item]], Awaitable[Sequence[Result | RingfenceError]]]
    size: Callable[[Item], int]
    max_items: int
    max_bytes: int
    max_queued: int
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        self._queue: FairQueue[tuple[Item, asyncio.Future[Result]]] = FairQueue(self.max_queued)
        self._writer: asyncio.Task[None] | None = None

    async def submit(self, tenant: str, item: Item) -> Result:
        """Store `item` and return its result, or raise its refusal, after `write` has returned.

        Raises StorageUnavailable at once when the queue is full. Cancelling the caller takes no item back: it is
        written all the same, unless it is dropped for another tenant's.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        dropped = self._queue.put(tenant, (item, future))
        if dropped is not None:
            _end(dropped[1], StorageUnavailable("too many records wait to be stored"))
        if self._writer is None:
            # In an empty context: it works for all requests, and not for the one that happens to start it.
            self._writer = asyncio.get_running_loop().create_task(self._write_all(), context=Context())
        return await future

    @property
    def queued(self) -> int:
        """Number of items in the queue."""
        return len(self._queue)

    async def drain(self) -> None:
        """Return when every submitted item has its result."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write_all(self) -> None:
        try:
            while self._queue:
                await self._write_some(self._take_some())
        finally:
            self._writer = None
            self._refuse_queue(StorageUnavailable("the service stops"))  # only a cancelled writer leaves items behind

    def _take_some(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        taken: list[tuple[Item, asyncio.Future[Result]]] = []
        room = self.max_bytes
        while self._queue and len(taken) < self.max_items:
            tenant = self._queue.next()
            room -= self.size(self._queue.first(tenant)[0])
            if taken and room < 0:
                break
            taken.append(self._queue.take(tenant))
        return taken

    async def _write_some(self, taken: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        timer: asyncio.TimerHandle | None = None
        if self.max_seconds is not None:
            timer = asyncio.get_running_loop().call_later(self.max_seconds, self._time_out, taken)
        results: Sequence[Result | RingfenceError] = ()
        rest: RingfenceError = OutcomeUnknown("it is unknown whether it was stored")
        try:
            results = await self.write([item for item, _ in taken])
        except BaseException as error:
            if isinstance(error, RingfenceError):
                rest = error
            elif not isinstance(error, Exception):
                raise
        finally:
            # After any error: a future that never ends is a request that hangs.
            if timer is not None:
                timer.cancel()
            for (_, future), result in zip(taken, chain(results, repeat(rest)), strict=False):
                _end(future, result)

    def _time_out(self, taken: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        """Refuse the items of a slow write and of the queue. The write itself goes on, and delays the next one."""
        for _, future in taken:
            _end(future, OutcomeUnknown("it took too long, and it is unknown whether it was stored"))
        self._refuse_queue(DatabaseUnavailable("nothing is stored right now"))

    def _refuse_queue(self, refusal: RingfenceError) -> None:
        while self._queue:
            _end(self._queue.take(self._queue.next())[1], refusal)


def _end(future: asyncio.Future[Result], outcome: Result | RingfenceError) -> None:
    if future.done():  # its caller was cancelled, or has timed out
        return
    if isinstance(outcome, RingfenceError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
