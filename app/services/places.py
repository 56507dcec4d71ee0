"""Places for what takes a connection for longer than a record does, so that records always find one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import StorageUnavailable


class Places:
    """So many at once; so many more may wait, and not for ever."""

    def __init__(self, count: int, *, most_waiting: int, most_seconds: float, busy: str) -> None:
        """busy: what is said to whoever gets no place."""
        self._free = asyncio.Semaphore(count)
        self._waiting = 0
        self._most_waiting = most_waiting
        self._most_seconds = most_seconds
        self._busy = busy

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Hold a place. Raises StorageUnavailable when none becomes free in time, or too many wait already."""
        if self._free.locked():
            if self._waiting >= self._most_waiting:
                raise StorageUnavailable(self._busy)
            self._waiting += 1
            try:
                async with asyncio.timeout(self._most_seconds):
                    await self._free.acquire()
            except TimeoutError:
                raise StorageUnavailable(self._busy) from None
            finally:
                self._waiting -= 1
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()
