"""Limits that tenants share: how much each may hold, and how many may do something at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.model.refusals import StorageUnavailable
from app.services.concurrency.fair_queue import FairQueue


class Shares:
    """Counts how much each tenant holds of something limited: requests at once, or bytes.

    A share that is held for long cannot be taken back when another tenant comes, so a part is kept free: a tenant holds
    at most `max_share` of what the others leave. With a half, of 8 one tenant gets 4, the next 2, and each of the next
    two 1; with all (1.0), one tenant gets 8. A tenant that holds nothing gets what is free.
    """

    def __init__(self, capacity: int, *, max_share: float) -> None:
        self.free = capacity
        self._max_share = max_share
        self._held: dict[str, int] = {}

    def held(self, tenant: str) -> int:
        """Return how much `tenant` holds."""
        return self._held.get(tenant, 0)

    def may_take(self, tenant: str, amount: int = 1) -> bool:
        """Whether `tenant` may hold so much more."""
        held = self.held(tenant)
        return amount <= self.free and (not held or held + amount <= self._max_share * (self.free + held))

    def take(self, tenant: str, amount: int = 1) -> None:
        """Count `amount` as held."""
        self.free -= amount
        self._held[tenant] = self.held(tenant) + amount

    def give_back(self, tenant: str, amount: int = 1) -> None:
        """Count `amount` as free."""
        self.free += amount
        self._held[tenant] -= amount
        if not self._held[tenant]:
            del self._held[tenant]


class Limiter:
    """Limits how many requests do something at once. A free place goes to the tenant that holds fewest."""

    def __init__(
        self, capacity: int, *, busy: str, max_share: float = 1.0, max_queued: int = 0, max_seconds: float = 0.0
    ) -> None:
        """busy: the detail of StorageUnavailable, for a request beyond the limit. max_share: see Shares.

        max_queued, max_seconds: requests in the queue, and how long each stays there. Without a queue: refused at once.
        """
        self.shares = Shares(capacity, max_share=max_share)
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(max_queued)
        self._max_seconds = max_seconds
        self._busy = busy

    @asynccontextmanager
    async def hold(self, tenant: str) -> AsyncIterator[None]:
        """Run the block as one of `tenant`, once the limit allows it. Raises StorageUnavailable."""
        # This overtakes no queued request: a place that one of them may take is handed over when it becomes free.
        if self.shares.may_take(tenant):
            self.shares.take(tenant)
        else:
            await self._enqueue(tenant)
        try:
            yield
        finally:
            self._leave(tenant)

    def _leave(self, tenant: str) -> None:
        self.shares.give_back(tenant)
        while self._queue:
            following = self._queue.next(self.shares.held)
            if not self.shares.may_take(following):
                return  # nor may any other: each of them holds at least as much
            turn = self._queue.take(following)
            if not turn.done():  # a cancelled request may not have left the queue yet
                self.shares.take(following)
                turn.set_result(None)

    async def _enqueue(self, tenant: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        dropped = self._queue.put(tenant, turn)
        if dropped is not None and not dropped.done():
            dropped.set_exception(StorageUnavailable(self._busy))
        try:
            async with asyncio.timeout(self._max_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave(tenant)  # its turn came too late
            else:
                self._queue.discard(tenant, turn)
            if isinstance(error, TimeoutError):
                raise StorageUnavailable(self._busy) from None
            raise
