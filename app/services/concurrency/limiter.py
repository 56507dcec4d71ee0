"""Limits that tenants share: how many of them may do something at once, and how much each may hold."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from app.model.refusals import RingfenceError, StorageUnavailable
from app.services.concurrency.fair_queue import FairQueue


class Shares:
    """Counts what each tenant holds of something that is bounded: places, or bytes.

    What a tenant holds for long cannot be taken back when another comes, so a part is kept free: a tenant holds at most
    `max_share` of what the others leave. With a half, of 8 places one tenant gets 4, the next 2, and each of the next
    two 1; with all (1.0), one tenant gets 8. A tenant that holds nothing gets what is free.
    """

    def __init__(self, capacity: int, *, max_share: float) -> None:
        self._free = capacity
        self._max_share = max_share
        self._held: dict[str, int] = {}

    def may_take(self, tenant: str, amount: int = 1) -> bool:
        """Whether `tenant` may hold so much more."""
        held = self._held.get(tenant, 0)
        if amount > self._free:
            return False
        return not held or held + amount <= self._max_share * (self._free + held)

    def take(self, tenant: str, amount: int = 1) -> None:
        """Count `amount` as held."""
        self._free -= amount
        self._held[tenant] = self._held.get(tenant, 0) + amount

    def give_back(self, tenant: str, amount: int = 1) -> None:
        """Count it no longer."""
        self._free += amount
        self._held[tenant] -= amount
        if not self._held[tenant]:
            del self._held[tenant]

    def held(self, tenant: str) -> int:
        """How much `tenant` holds."""
        return self._held.get(tenant, 0)

    @property
    def in_use(self) -> int:
        """How much all tenants hold."""
        return sum(self._held.values())


class Limiter:
    """So many at once. A place that becomes free goes to the tenant that holds fewest, by turns among equals.

    Some may queue for a place, and not for ever; who does is the business of FairQueue.
    """

    def __init__(
        self,
        capacity: int,
        *,
        busy: str,
        refusal: type[RingfenceError] = StorageUnavailable,
        max_share: float = 1.0,
        max_queued: int = 0,
        max_seconds: float = 0.0,
    ) -> None:
        """busy, refusal: what is raised where there is no place. max_share: see Shares. max_seconds: in the queue."""
        self._shares = Shares(capacity, max_share=max_share)
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(max_queued)
        self._max_seconds = max_seconds
        self._busy = busy
        self._refusal = refusal

    @contextmanager
    def hold_now(self, tenant: str) -> Iterator[None]:
        """Hold a place that is free now. Raises `busy` when none is."""
        self.take_now(tenant)
        try:
            yield
        finally:
            self.give_back(tenant)

    def take_now(self, tenant: str) -> None:
        """Take a place that is free now, to be given back. Raises `busy` when none is."""
        if not self._shares.may_take(tenant):
            raise self._refusal(self._busy)
        self._shares.take(tenant)

    @asynccontextmanager
    async def hold(self, tenant: str) -> AsyncIterator[None]:
        """Hold a place, once there is one. Raises `busy` when there is none in time, or too many are queued."""
        # Nobody who is queued is passed by: a place that they may take is given to them as soon as it is free.
        if self._shares.may_take(tenant):
            self._shares.take(tenant)
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self.give_back(tenant)

    def give_back(self, tenant: str) -> None:
        """Let the next ones in."""
        self._shares.give_back(tenant)
        while self._queue:
            following = self._queue.least(self._shares.held)
            if not self._shares.may_take(following):
                return  # nor may any other: each of them holds at least as much
            place = self._queue.take_from(following)
            if not place.done():  # or it was cancelled, and nobody has come to remove it yet
                self._shares.take(following)
                place.set_result(None)

    @property
    def in_use(self) -> int:
        """How many places are held."""
        return self._shares.in_use

    async def _wait(self, tenant: str) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        dropped = self._queue.put(tenant, place)
        if dropped is not None and not dropped.done():
            dropped.set_exception(self._refusal(self._busy))
        try:
            async with asyncio.timeout(self._max_seconds):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.give_back(tenant)  # it came too late to be used
            else:
                self._queue.remove(tenant, place)
            if isinstance(error, TimeoutError):
                raise self._refusal(self._busy) from None
            raise
