"""Reads from a standby while it is up and close behind the primary.

Lag is measured in positions of the write-ahead log, not by the clocks of two servers: the age of the oldest position of
the primary that the standby has not replayed. While the primary is unavailable no newer position is known, and the
standby goes on serving what it has.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from app.model.refusals import RingfenceError
from app.services.concurrency.deadline import with_deadline
from app.services.db import Database
from app.services.postgres.outages import Outage, reason
from app.services.postgres.preflight import Preflight
from app.telemetry.metrics import REPLICA_LAG_SECONDS, REPLICA_UP

logger = logging.getLogger("ringfence")

Result = TypeVar("Result")

_SECONDS_BETWEEN_CHECKS = 0.5
_MAX_CHECK_SECONDS = 5.0
_MAX_READ_SECONDS = 5.0
"""After which the primary is asked instead."""
_MAX_POSITIONS = 10_000
_NEVER = (float("-inf"), -1)


class ReadReplica:
    """A standby of the primary. Nothing is read from it before it has passed the preflight, as the primary must."""

    def __init__(
        self,
        database: Database,
        preflight: Preflight,
        primary_position: Callable[[], Awaitable[tuple[str, int]]],
        *,
        max_lag: float,
    ) -> None:
        """primary_position: Database.wal_position() of the primary; raises RingfenceError. max_lag: in seconds."""
        self._database = database
        self._preflight = preflight
        self._primary_position = primary_position
        self._max_lag = max_lag
        self._is_up = False
        self._told: str | None = None
        """Why it is not read from, as logged last."""
        self._primary: str | None = None
        self._ahead: deque[tuple[float, int]] = deque()
        """Positions of the primary that are not replayed yet, and the time (monotonic) before each was asked for."""
        self._reached: tuple[float, int] = _NEVER
        """The last of them that is replayed."""

    async def open(self) -> None:
        """Begin to connect. Returns at once."""
        await self._database.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._database.close()

    async def watch(self) -> None:
        """Measure the lag again and again. Never returns."""
        while True:
            await self._check()
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)

    async def read(
        self, transaction: Callable[[Database], Awaitable[Result]], *, as_of: float | None = None
    ) -> Result | None:
        """Run `transaction` on the standby; None where the primary has to be asked instead.

        as_of: a time on the monotonic clock; the standby must have every write that was acknowledged before it.
        """
        if not self._is_up or (as_of is not None and self._reached[0] < as_of):
            return None
        try:
            async with asyncio.timeout(_MAX_READ_SECONDS):
                return await transaction(self._database)
        except (PoolTimeout, TimeoutError, OSError) as error:
            self._take_out(_words(error))
        except psycopg.Error as error:
            # Refusals, too: a key that was just issued may not have arrived yet. The primary decides.
            if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
                self._take_out(_words(error))
        return None

    async def _check(self) -> None:
        asked = time.monotonic()
        try:
            self._primary, position = await self._primary_position()
            if len(self._ahead) < _MAX_POSITIONS:
                self._ahead.append((asked, position))
        except RingfenceError:
            pass  # the primary is unavailable
        try:
            database, replayed = await with_deadline(self._replica_position(), _MAX_CHECK_SECONDS)
        except Exception as error:  # after any error the next check must follow
            self._take_out(_words(error))
            return
        if database != self._primary:
            why = "it is not a standby of DATABASE_URL" if self._primary else "DATABASE_URL was not reached yet"
            self._take_out(why)
            return
        if self._reached[1] > replayed:  # it was restarted, and begins further back
            self._ahead.appendleft(self._reached)
            self._reached = _NEVER
        while self._ahead and self._ahead[0][1] <= replayed:
            self._reached = self._ahead.popleft()
        lag = time.monotonic() - self._ahead[0][0] if self._ahead else 0.0
        REPLICA_LAG_SECONDS.set(lag)
        if lag > self._max_lag:
            self._take_out("it is further behind than READ_MAX_LAG")
        elif not self._is_up:
            self._is_up, self._told = True, None
            REPLICA_UP.set(True)
            logger.warning("lists and exports are read from READ_DATABASE_URL")

    async def _replica_position(self) -> tuple[str, int]:
        if not self._is_up:
            async with await self._database.connect() as connection:
                await self._preflight.full_check(connection)
        return await self._database.wal_position()

    def _take_out(self, why: str) -> None:
        self._is_up = False
        REPLICA_UP.set(False)
        if why != self._told:
            self._told = why
            logger.warning("lists and exports are read from DATABASE_URL: READ_DATABASE_URL: %s", why)


def _words(error: Exception) -> str:
    found = reason(error)
    return found.logged if isinstance(found, Outage) else str(found).removeprefix("DATABASE_URL: ")
