"""Circuit breaker of the database: no request is blocked on a database that is unavailable.

Closed: calls reach the database. Open: calls are refused at once. Half-open: while it is open, a probe over a dedicated
connection runs the preflight every half second, and closes it when the database passes.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import Context

from psycopg import AsyncConnection

from app.model.refusals import RefusedToServe
from app.services.audit_logger import ISOLATION_IS_BROKEN
from app.services.concurrency.deadline import with_deadline
from app.services.postgres.outages import Outage, reason
from app.services.postgres.preflight import Preflight
from app.telemetry.metrics import ISOLATION_INTACT

logger = logging.getLogger("ringfence")

_SECONDS_BETWEEN_PROBES = 0.5
"""While it is open."""
_MAX_IDLE_SECONDS = 5.0
"""While it is closed: a database that was not used for longer is probed."""
_SECONDS_BETWEEN_REMINDERS = 60.0
"""After which the log repeats why it is open."""
_MAX_QUICK_CHECK_SECONDS = 3.0
_MAX_FULL_CHECK_SECONDS = 10.0
"""The isolation report takes some milliseconds, and longer on a server that has just started."""


class CircuitBreaker:
    """Opens when a probe fails, and closes when one succeeds. outage: why it is open.

    last_contact: when the database answered last, on the monotonic clock; before it has, when the service started.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], preflight: Preflight) -> None:
        """connect: returns a dedicated connection, outside the pool."""
        self._connect = connect
        self._preflight = preflight
        self._probing: asyncio.Task[None] | None = None
        self.last_contact = self._opened_at = self._logged_at = time.monotonic()
        self.outage: Outage | None = None

    @property
    def is_closed(self) -> bool:
        """Whether calls reach the database."""
        return self.outage is None

    def record_contact(self) -> None:
        """Remember that the database has just answered."""
        self.last_contact = time.monotonic()

    async def first_check(self) -> None:
        """Run the preflight before anything is served. Raises RefusedToServe for a fault that waiting cannot fix."""
        found = await self._check(full=True)
        if isinstance(found, RefusedToServe):
            raise found from None
        self.outage = found

    async def probe(self) -> bool:
        """Probe now, and return whether it is closed. Concurrent callers share one probe."""
        if self._probing is None:
            # In an empty context: its log lines belong to no request.
            self._probing = asyncio.get_running_loop().create_task(self._probe(), context=Context())
            self._probing.add_done_callback(self._end_probe)
        await asyncio.shield(self._probing)
        return self.is_closed

    async def watch(self) -> None:
        """Probe every half second while it is open, and whenever the database was idle for long. Never returns."""
        if self.outage is not None:
            self._log("waiting for the database: %s", self.outage.logged)
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_PROBES)
            if not self.is_closed or time.monotonic() - self.last_contact > _MAX_IDLE_SECONDS:
                await self.probe()

    async def _probe(self) -> None:
        before, found = self.outage, await self._check(full=not self.is_closed)
        if isinstance(found, RefusedToServe):
            if found.told == ISOLATION_IS_BROKEN:
                ISOLATION_INTACT.set(False)
            found = Outage(found.told, str(found))
        now = time.monotonic()
        if found is None:
            self.record_contact()
            if before is not None:
                logger.warning("the database is back")
        elif before is None:
            self._opened_at = now
            self._log("the database is unavailable: %s", found.logged)
        elif found.told != before.told or now - self._logged_at >= _SECONDS_BETWEEN_REMINDERS:
            self._log("still waiting for the database, for %d seconds: %s", now - self._opened_at, found.logged)
        self.outage = found

    async def _check(self, *, full: bool) -> Outage | RefusedToServe | None:
        try:
            await with_deadline(
                self._check_connection(full=full), _MAX_FULL_CHECK_SECONDS if full else _MAX_QUICK_CHECK_SECONDS
            )
        except Exception as error:  # after any error the next probe must follow
            return reason(error)
        return None

    async def _check_connection(self, *, full: bool) -> None:
        async with await self._connect() as connection:
            await (self._preflight.full_check(connection) if full else self._preflight.quick_check(connection))

    def _log(self, text: str, *values: object) -> None:
        self._logged_at = time.monotonic()
        logger.error(text, *values)

    def _end_probe(self, _: asyncio.Task[None]) -> None:
        self._probing = None
