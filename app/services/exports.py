"""Exports that are under way: how many there may be at once, and how long each may take."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from app.http.load_shedding import Admission
from app.model.credential import Credential
from app.model.query import ExportQuery
from app.model.refusals import ExportsBusy
from app.services.audit_logger import AuditLogger
from app.telemetry.metrics import EXPORTS


@dataclass(slots=True)
class Export:
    """An export that is on record. Its caller must close it.

    timeout: seconds for all of it. stall_timeout: seconds for 64 KiB.
    """

    exports: "Exports"
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
                following.cancel()  # the database's backend as well, if it is at work
                await asyncio.gather(following, return_exceptions=True)

    async def _next(self) -> bytes | None:
        return await anext(self.parts, None)

    def close(self) -> None:
        """Let the next export in. May be called again."""
        if not self.closed:
            self.closed = True
            self.exports.admission.leave(hash(self.tenant_id))
            EXPORTS.dec()


class Exports:
    """Begins exports, as many as there may be at once."""

    def __init__(self, audit_logger: AuditLogger, *, at_once: int, timeout: float, stall_timeout: float) -> None:
        """at_once: exports that one tenant alone may have; timeout, stall_timeout: seconds, see Export.

        An export may take an hour, and is not cut for another. So a tenant that has fewer than its share of at_once
        still gets one when they are all taken. All tenants together never have more than twice as many.
        """
        self._audit_logger = audit_logger
        self._timeout = timeout
        self._stall_timeout = stall_timeout
        self.admission = Admission(at_once)

    async def begin(self, credential: Credential, query: ExportQuery) -> Export:
        """Record an export and read its first part.

        Raises ExportsBusy when there are too many, nothing being recorded then; and RingfenceError when it is refused.
        """
        tenant = credential.tenant_id
        assert tenant is not None  # it is there once the request is identified
        if not self.admission.admit(hash(tenant)):
            raise ExportsBusy("as many exports are being sent as this service sends at once, or as one tenant may")
        EXPORTS.inc()
        try:
            tenant_id, parts = await self._audit_logger.begin_export(credential, query)
            return Export(self, tenant_id, parts, await anext(parts), self._timeout, self._stall_timeout)
        except BaseException:
            self.admission.leave(hash(tenant))
            EXPORTS.dec()
            raise
