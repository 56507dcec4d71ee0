"""Reports to the primary that API keys were used: reading and entering a tenant write nothing."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app.model.credential import ApiKey, Credential
from app.model.refusals import OutcomeUnknown, RingfenceError, StorageUnavailable

logger = logging.getLogger("ringfence")

_HOUR_SECONDS = 3600
_SECONDS_BEFORE_REPEATING = 1.0
_MAX_DRAIN_SECONDS = 2.0


class KeyUses:
    """Reports the first use of each key and scope in an hour, in a transaction of its own, one after the other.

    While the database is unavailable it is repeated; a report that is refused is dropped.
    """

    def __init__(self, report: Callable[[ApiKey, str], Awaitable[object]]) -> None:
        """report: enters the key's tenant, and calls audit.record_api_key_use() for the scope."""
        self._report = report
        self._hour = 0
        self._noted: set[tuple[str, str]] = set()
        """Public ids and scopes of this hour."""
        self._unreported: asyncio.Queue[tuple[ApiKey, str]] = asyncio.Queue()

    def note(self, credential: Credential, scope: str) -> None:
        """Remember that the database has accepted `credential` for something that needs `scope`."""
        if not isinstance(credential, ApiKey):
            return
        if (hour := int(time.time() // _HOUR_SECONDS)) != self._hour:
            self._hour = hour
            self._noted.clear()
        use = (credential.public_id, scope)
        if use not in self._noted:
            self._noted.add(use)
            self._unreported.put_nowait((credential, scope))

    async def report(self) -> None:
        """Report uses as they come. Never returns."""
        while True:
            credential, scope = await self._unreported.get()
            try:
                await self._report(credential, scope)
            except (StorageUnavailable, OutcomeUnknown):
                self._unreported.put_nowait((credential, scope))
                await asyncio.sleep(_SECONDS_BEFORE_REPEATING)
            except RingfenceError as refusal:
                logger.warning("the use of key %s was not recorded: %s", credential.public_id, refusal.kind)
            finally:
                self._unreported.task_done()

    async def drain(self) -> None:
        """Return when every use is reported, or after some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_MAX_DRAIN_SECONDS):
                await self._unreported.join()
