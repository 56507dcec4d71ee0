"""Reads on PostgreSQL: from the standby or the primary, and how many at once."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from time import monotonic
from typing import Any, LiteralString
from uuid import UUID

from typing_extensions import override

from app.model.credential import ApiKey, Credential
from app.model.query import AdminEventsQuery, ExportQuery, ListQuery
from app.model.record_checks import refuse_unstorable
from app.model.refusals import RecordNotFound
from app.services import calls
from app.services.audit_logger import AuditLogger
from app.services.concurrency.limiter import Limiter
from app.services.db import Database
from app.services.known_credentials import KnownCredentials
from app.services.postgres.key_uses import KeyUses
from app.services.postgres.replica import ReadReplica
from app.services.postgres.retries import Retries
from app.telemetry.metrics import READS

LARGE_PAGE = 200
"""A page of more records counts as large: one of 1,000 records of the greatest length is nine megabytes."""


class DatabaseReader(AuditLogger):
    """The reading half of the store on PostgreSQL."""

    def __init__(
        self,
        database: Database,
        replica: ReadReplica | None,
        retries: Retries,
        known: KnownCredentials,
        uses: KeyUses,
    ) -> None:
        """database: the primary; it is asked where the replica is None, unavailable or too far behind."""
        self._database = database
        self._replica = replica
        self._retries = retries
        self.known = known
        self._uses = uses
        # These limit how many lists and exports hold a pooled connection at once, so that single records always get
        # one. A list may take seconds: so one tenant gets at most nine tenths.
        size, timeout = database.pool_size, database.pool_timeout
        busy = "too many lists and exports are being read"
        self._reads = Limiter(max(1, size * 3 // 4), busy=busy, max_share=0.9, max_queued=64, max_seconds=timeout)
        self._large_pages = Limiter(2, busy="too many large pages are being read", max_queued=32, max_seconds=timeout)

    @override
    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        filters = query.model_dump(exclude={"tenant_id", "consistency"})
        refuse_unstorable(filters)
        async with self._reading(credential, query.limit):
            _, page = await self._read(credential, calls.LIST_AUDIT_LOGS, filters, strong=query.consistency == "strong")
        return str(page)

    @override
    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        async with self._reading(credential):
            _, record = await self._read(credential, calls.GET_AUDIT_LOG, {"id": record_id})
            if record is None and self._replica:  # which may not have it yet
                _, record = await self._read(credential, calls.GET_AUDIT_LOG, {"id": record_id}, strong=True)
        if record is None:
            raise RecordNotFound("the tenant has no record with this id")
        return str(record)

    @override
    async def may_export(self, credential: Credential) -> str:
        async with self._reading(credential):  # no record has the id NULL, and none is searched for
            tenant_id, _ = await self._read(credential, calls.GET_AUDIT_LOG, {"id": None})
        return tenant_id

    @override
    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        filters = query.model_dump(exclude={"tenant_id", "consistency"})
        async with self._reading(credential):
            strong = query.consistency == "strong"
            _, page = await self._read(credential, calls.LIST_ADMIN_EVENTS, filters, strong=strong)
        return str(page)

    @override
    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        filters = query.model_dump(exclude={"tenant_id", "bom"})
        refuse_unstorable(filters)
        parameters = {**filters, "api_key": credential.secret if isinstance(credential, ApiKey) else None}
        begun = monotonic()
        async with self._reading(credential):
            # On the primary: it records the export.
            tenant_id, state = await self._read(credential, calls.BEGIN_EXPORT, parameters, strong=True)
        return tenant_id, self._export(credential, state, begun)

    async def _export(self, credential: Credential, state: str | None, begun: float) -> AsyncIterator[bytes]:
        # db/functions/export/export_audit_logs.sql says why an export is many transactions.
        while state is not None:
            part = partial(Database.copy_export, credential=credential, state=state)
            async with self._reading(credential):
                # Complete to its beginning, wherever it is read from.
                rows = await self._replica.read(part, as_of=begun) if self._replica else None
                READS.labels("primary" if rows is None else "replica").inc()
                if rows is None:
                    rows = await self._retries.run(partial(part, self._database), writes=False)
            state = rows[-1][1]
            yield b"".join(lines for lines, _ in rows)

    async def _read(
        self, credential: Credential, statement: LiteralString, parameters: Mapping[str, Any], *, strong: bool = False
    ) -> tuple[str, Any]:
        """Run one statement, on the replica unless `strong`; return the tenant's id and the statement's one value."""
        call = partial(Database.call, credential=credential, statement=statement, parameters=parameters)
        found = await self._replica.read(call) if self._replica and not strong else None
        READS.labels("primary" if found is None else "replica").inc()
        if found is None:
            found = await self._retries.run(partial(call, self._database), writes=False)
        return found

    @asynccontextmanager
    async def _reading(self, credential: Credential, records: int = 1) -> AsyncIterator[None]:
        """Limit reads. A large page is in memory three times, so it counts against a second, lower limit too."""
        tenant = credential.tenant_id or ""  # app.http.credentials.credential_of() has set it
        large_page = self._large_pages.hold(tenant) if records > LARGE_PAGE else nullcontext()
        async with large_page, self._reads.hold(tenant):
            with self.known.remembering(credential):
                yield
        self._uses.note(credential, "read")
