"""Whether the database can be written to, as far as this worker knows: so that nobody waits for one that is away."""

import asyncio
import logging
import time
from contextvars import Context

from app.services.probe import Probe

logger = logging.getLogger("ringfence")

_BETWEEN_PROBES = 0.5
"""Seconds, while it is away."""
_MOST_SILENCE = 5.0
"""Seconds without any use of it, after which it is asked."""


class Availability:
    """Up, until a probe fails; then away, until one succeeds."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._probing: asyncio.Task[bool] | None = None
        self._last_contact = time.monotonic()
        self.is_up = True

    def note_contact(self) -> None:
        """Remember that it has just answered."""
        self._last_contact = time.monotonic()

    @property
    def last_contact(self) -> float:
        """When it answered last, on the monotonic clock."""
        return self._last_contact

    async def check(self) -> bool:
        """Probe now, and return whether it is up. Whoever asks meanwhile gets the same answer."""
        if self._probing is None:
            # In a context of its own: what it logs is about no request.
            self._probing = asyncio.get_running_loop().create_task(self._ask(), context=Context())
            self._probing.add_done_callback(self._end_probe)
        return await asyncio.shield(self._probing)

    async def watch(self) -> None:
        """Probe again and again while it is away, and where nobody else has used it for a while. Never returns."""
        while True:
            await asyncio.sleep(_BETWEEN_PROBES)
            if not self.is_up or time.monotonic() - self._last_contact > _MOST_SILENCE:
                await self.check()

    async def _ask(self) -> bool:
        wrong = await self._probe.what_is_wrong(was_away=not self.is_up)
        if wrong is None:
            self.note_contact()
        if self.is_up != (wrong is None):
            self.is_up = wrong is None
            if self.is_up:
                logger.warning("the database is back")
            else:
                logger.error("the database is away: %s", wrong)
        return self.is_up

    def _end_probe(self, _: asyncio.Task[bool]) -> None:
        self._probing = None
