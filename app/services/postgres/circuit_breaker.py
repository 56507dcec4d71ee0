"""Whether the database can be written to, as far as this worker knows: so that nobody waits for one that is away."""

import asyncio
import logging
import time
from contextvars import Context

from app.services.postgres.outages import Outage
from app.services.postgres.probe import Probe

logger = logging.getLogger("ringfence")

_BETWEEN_PROBES = 0.5
"""Seconds, while it is away."""
_MOST_SILENCE = 5.0
"""Seconds without any use of it, after which it is asked."""
_BETWEEN_REMINDERS = 60.0
"""Seconds after which the log says again what is waited for."""


class Availability:
    """Up, until a probe fails; then away, until one succeeds."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._probing: asyncio.Task[bool] | None = None
        self._last_contact = self._away_since = self._logged = time.monotonic()
        self.outage: Outage | None = None

    @property
    def is_up(self) -> bool:
        """Whether it can be written to."""
        return self.outage is None

    def note_contact(self) -> None:
        """Remember that it has just answered."""
        self._last_contact = time.monotonic()

    @property
    def last_contact(self) -> float:
        """When it answered last, on the monotonic clock; before it has answered at all, when the service started."""
        return self._last_contact

    async def open(self) -> None:
        """Make all checks for the first time. Raises RefusedToServe for what waiting does not heal."""
        self.outage = await self._probe.first_outage()

    async def check(self) -> bool:
        """Probe now, and return whether it is up. Whoever asks meanwhile gets the same answer."""
        if self._probing is None:
            # In a context of its own: what it logs is about no request.
            self._probing = asyncio.get_running_loop().create_task(self._ask(), context=Context())
            self._probing.add_done_callback(self._end_probe)
        return await asyncio.shield(self._probing)

    async def watch(self) -> None:
        """Probe again and again while it is away, and where nobody else has used it for a while. Never returns."""
        if self.outage is not None:
            self._log("waiting for the database: %s", self.outage.logged)
        while True:
            await asyncio.sleep(_BETWEEN_PROBES)
            if not self.is_up or time.monotonic() - self._last_contact > _MOST_SILENCE:
                await self.check()

    async def _ask(self) -> bool:
        before, outage = self.outage, await self._probe.outage(was_unavailable=not self.is_up)
        now = time.monotonic()
        if outage is None:
            self.note_contact()
            if before is not None:
                logger.warning("the database is back")
        elif before is None:
            self._away_since = now
            self._log("the database is away: %s", outage.logged)
        elif outage.told != before.told or now - self._logged >= _BETWEEN_REMINDERS:
            self._log("still waiting for the database, for %d seconds: %s", now - self._away_since, outage.logged)
        self.outage = outage
        return self.is_up

    def _log(self, text: str, *values: object) -> None:
        self._logged = time.monotonic()
        logger.error(text, *values)

    def _end_probe(self, _: asyncio.Task[bool]) -> None:
        self._probing = None
