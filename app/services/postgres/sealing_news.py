"""Tells readers of feeds that records were sealed: LISTEN on the primary, over one connection of a worker.

A notification says neither whose records nor how many, and any role of the database can send one: it is a hint. None
comes through a pooler or from a standby, so a reader also looks again by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from psycopg import AsyncConnection

from app.services import calls
from app.services.concurrency.deadline import with_deadline
from app.services.round_trip import run_together

logger = logging.getLogger("ringfence")

_MAX_SECONDS = 5.0
_SECONDS_BETWEEN_NEWS = 0.25
"""Each wakes every reader that waits; and anybody who may connect can notify."""
_SECONDS_AFTER_FAILURE = 5.0


class SealingNews:
    """A future for each sealing, which ends with it."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], is_up: Callable[[], bool]) -> None:
        """connect: returns a dedicated connection to the primary.

        is_up: whether the circuit breaker lets calls through.
        """
        self._connect = connect
        self._is_up = is_up
        self._next: asyncio.Future[None] | None = None
        self._wanted = asyncio.Event()
        self._connected = True  # until it is known better
        self.arrives = False
        """Whether a notification has come over the connection of now. A pooler takes a LISTEN, and passes none on."""

    def next(self) -> asyncio.Future[None]:
        """Return what ends when records are sealed next; the first call has the connection opened."""
        self._wanted.set()
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    async def run(self) -> None:
        """Listen until cancelled, once somebody has wanted news."""
        await self._wanted.wait()
        while True:
            if self._is_up():
                try:
                    await self._listen()
                except Exception as error:  # readers look again by themselves meanwhile
                    # Once for each connection: not every five seconds of an outage.
                    level = logging.WARNING if self._connected else logging.DEBUG
                    logger.log(level, "readers of feeds hear no news of sealing: %s", type(error).__qualname__)
                    self._connected = False
            await asyncio.sleep(_SECONDS_AFTER_FAILURE)

    async def _listen(self) -> None:
        connection = await self._connect()
        try:
            await with_deadline(run_together(connection, [(calls.LISTEN_TO_SEALING, {})]), _MAX_SECONDS)
            self._connected = True
            self._tell()  # what was sealed while nobody listened
            while not connection.closed:
                async for _ in connection.notifies(stop_after=1):
                    self.arrives = True
                await asyncio.sleep(_SECONDS_BETWEEN_NEWS)
                async for _ in connection.notifies(
                    timeout=0
                ):  # those that came meanwhile: a flood is one piece of news
                    pass
                self._tell()
        finally:
            self.arrives = False
            self._tell()  # so that readers that were sure to hear of sealing look by themselves
            await connection.close()

    def _tell(self) -> None:
        ended, self._next = self._next, None
        if ended is not None and not ended.done():
            ended.set_result(None)
