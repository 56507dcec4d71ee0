"""Reads from a standby while it is up and close behind the primary.

Lag is measured in positions of the write-ahead log, not by the clocks of two servers: the time between the last known
position of the primary and the last one that the standby has replayed. While the primary is unavailable no newer
position is known: the lag stays as it was, and the standby goes on serving what it has.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from app.model.refusals import RingfenceError, StorageUnavailable
from app.services.concurrency.deadline import with_deadline
from app.services.concurrency.limiter import Limiter
from app.services.db import Database, WalPosition
from app.services.postgres.outages import Outage, reason
from app.services.postgres.preflight import Preflight
from app.telemetry.metrics import REPLICA_LAG_SECONDS, REPLICA_UP

logger = logging.getLogger("ringfence")

Result = TypeVar("Result")

_SECONDS_BETWEEN_CHECKS = 0.5
"""While it is read; otherwise a check makes a connection and runs the preflight."""
_SECONDS_BETWEEN_PREFLIGHTS = 2.0
_MAX_QUICK_CHECK_SECONDS = 1.0
_MAX_PREFLIGHT_SECONDS = 5.0
_MAX_READ_SECONDS = 2.0
"""After which the primary is asked instead; so is it when as many reads as connections take that long."""
_MAX_POSITIONS = 10_000
_NEVER = (float("-inf"), -1)


class ReadReplica:
    """A standby of the primary. Nothing is read from it before it has passed the preflight, as the primary must."""

    def __init__(
        self,
        database: Database,
        preflight: Preflight,
        primary_position: Callable[[], Awaitable[WalPosition]],
        *,
        max_lag: float,
    ) -> None:
        """primary_position: Database.wal_position() of the primary; raises RingfenceError. max_lag: in seconds."""
        self._database = database
        self._preflight = preflight
        self._primary_position = primary_position
        self._max_lag = max_lag
        # Of its own, so that reads which the standby holds up take no place of those on the primary.
        busy = "too many reads from the standby"
        self._reads = Limiter(
            database.pool_size, busy=busy, max_share=0.9, max_queued=64, max_seconds=_MAX_QUICK_CHECK_SECONDS
        )
        self._is_up = False
        self._told: str | None = None
        """Why it is not read from, as logged last."""
        self._primary: str | None = None
        self._asked = float("-inf")
        """When the primary was asked last, on the monotonic clock."""
        self._ahead: deque[tuple[float, int]] = deque()
        """Positions of the primary that are not replayed yet, and the time before each was asked for."""
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
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS if self._is_up else _SECONDS_BETWEEN_PREFLIGHTS)

    async def read(
        self,
        tenant_id: str,
        transaction: Callable[[Database], Coroutine[Any, Any, Result]],
        *,
        as_of: float | None = None,
    ) -> Result | None:
        """Run `transaction` on the standby; None where the primary has to be asked instead.

        as_of: a time on the monotonic clock; the standby must have every write that was acknowledged before it.
        """
        if not self._is_up or (as_of is not None and self._reached[0] < as_of):
            return None
        try:
            async with self._reads.hold(tenant_id):
                return await with_deadline(transaction(self._database), _MAX_READ_SECONDS)
        except (PoolTimeout, TimeoutError, StorageUnavailable):
            pass  # a slow read says little about the standby; the next check tells
        except psycopg.Error as error:
            # Refusals, too: a key that was just issued may not have arrived yet. The primary decides.
            if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
                self._take_out(_words(error))
        return None

    async def _check(self) -> None:
        try:
            asked = time.monotonic()
            primary = await self._primary_position()
        except RingfenceError:
            pass  # the primary is unavailable
        else:
            self._primary, self._asked = primary.database, asked
            if len(self._ahead) < _MAX_POSITIONS:
                self._ahead.append((asked, primary.position))
        try:
            seconds = _MAX_QUICK_CHECK_SECONDS if self._is_up else _MAX_PREFLIGHT_SECONDS
            self._compare(await with_deadline(self._replica_position(), seconds))
        except Exception as error:  # after any error the next check must follow
            self._take_out(_words(error))
        REPLICA_LAG_SECONDS.set(self._lag())

    def _compare(self, replica: WalPosition) -> None:
        if self._primary is None:
            self._take_out("DATABASE_URL was not reached yet")
        elif replica.database != self._primary or not replica.is_standby:
            self._take_out("it is not a standby of DATABASE_URL")
        else:
            if replica.position < self._reached[1]:  # it was restarted, and begins further back
                self._reached = _NEVER
            while self._ahead and self._ahead[0][1] <= replica.position:
                self._reached = self._ahead.popleft()
            if self._lag() > self._max_lag:
                self._take_out("it is further behind than READ_MAX_LAG")
            elif not self._is_up:
                self._is_up, self._told = True, None
                REPLICA_UP.set(True)
                logger.warning("lists and exports are read from READ_DATABASE_URL")

    def _lag(self) -> float:
        """Seconds; infinite while nothing is known to be replayed."""
        return self._asked - self._reached[0] if self._reached is not _NEVER else float("inf")

    async def _replica_position(self) -> WalPosition:
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
