"""Exports that are being sent: how many at once, and how long each may take."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from app.model.credential import Credential
from app.model.query import ExportQuery
from app.model.refusals import ExportsBusy
from app.services.audit_logger import AuditLogger
from app.services.concurrency.limiter import Shares
from app.telemetry.metrics import EXPORTS


@dataclass(slots=True)
class Export:
    """An export that is on record. Close it once it has been sent.

    timeout: seconds for all of it. stall_timeout: seconds for 64 KiB.
    """

    shares: Shares
    tenant_id: str
    parts: AsyncIterator[bytes]
    first: bytes
    timeout: float
    stall_timeout: float
    closed: bool = False

    async def ahead(self) -> AsyncGenerator[bytes, None]:
        """Yield the parts, each while the next is being read. Raises RingfenceError when the export cannot go on."""
        part: bytes | None = self.first
        while part is not None:
            following = asyncio.create_task(self._next())
            try:
                yield part
                part = await following
            finally:
                following.cancel()  # and with it the statement in the database
                await asyncio.gather(following, return_exceptions=True)

    async def _next(self) -> bytes | None:
        return await anext(self.parts, None)

    def close(self) -> None:
        """Let the next export in. May be called again."""
        if not self.closed:
            self.closed = True
            self.shares.give_back(self.tenant_id)
            EXPORTS.dec()


class Exports:
    """Begins exports, and limits how many are sent at once."""

    def __init__(self, audit_logger: AuditLogger, *, at_once: int, timeout: float, stall_timeout: float) -> None:
        """at_once: exports of one tenant; timeout, stall_timeout: seconds, see Export.

        An export may take an hour, and is not cut for another one. So there is room for twice at_once, and a tenant
        holds at most half of what the others leave.
        """
        self._audit_logger = audit_logger
        self._timeout = timeout
        self._stall_timeout = stall_timeout
        self._shares = Shares(2 * at_once, max_share=0.5)

    async def begin(self, credential: Credential, query: ExportQuery) -> Export:
        """Record an export and read its first part.

        Raises ExportsBusy when there are too many, in which case nothing is recorded, and what begin_export() raises.
        """
        tenant = credential.tenant_id or ""  # known once the request is identified
        # A tenant with no export under way always gets one: slow readers of others must not keep it out.
        if self._shares.held(tenant) and not self._shares.may_take(tenant):
            raise ExportsBusy("too many exports are under way, in this service or for this tenant")
        self._shares.take(tenant)
        EXPORTS.inc()
        try:
            tenant_id, parts = await self._audit_logger.begin_export(credential, query)
            return Export(self._shares, tenant_id, parts, await anext(parts), self._timeout, self._stall_timeout)
        except BaseException:
            self._shares.give_back(tenant)
            EXPORTS.dec()
            raise
