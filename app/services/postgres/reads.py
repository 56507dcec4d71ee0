"""Reads on PostgreSQL: from the standby or the primary, and how many at once."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import nullcontext
from functools import partial
from time import monotonic
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from typing_extensions import override

from app.model.credential import ApiKey, Credential
from app.model.query import AdminEventsQuery, CheckpointQuery, ConsistencyQuery, ExportQuery, FeedQuery, ListQuery
from app.model.refusals import RecordNotFound
from app.model.storable import refuse_unstorable
from app.model.strict_json import dump
from app.services import calls
from app.services.audit_logger import AuditLogger
from app.services.concurrency.limiter import Limiter
from app.services.db import Database
from app.services.known_credentials import KnownCredentials
from app.services.postgres.key_uses import KeyUses
from app.services.postgres.replica import ReadReplica
from app.services.postgres.retries import Retries
from app.telemetry.metrics import READS

Result = TypeVar("Result")

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
        # These limit how many lists and exports hold a connection to the primary at once, so that single records always
        # get one. A list may take seconds: so one tenant gets at most nine tenths.
        size, timeout = database.pool_size, database.pool_timeout
        busy = "too many lists and exports are being read"
        self._reads = Limiter(max(1, size * 3 // 4), busy=busy, max_share=0.9, max_queued=64, max_seconds=timeout)
        self._large_pages = Limiter(2, busy="too many large pages are being read", max_queued=32, max_seconds=timeout)

    @override
    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        filters = _parameters(query, {"tenant_id", "consistency"})
        page = _call(credential, calls.LIST_AUDIT_LOGS, filters)
        return str((await self._read(credential, page, records=query.limit, strong=_is_strong(query)))[1])

    @override
    async def count_logs(self, credential: Credential, query: ListQuery) -> str:
        filters = _parameters(query, {"tenant_id", "consistency", "order", "limit", "cursor"})
        counts = _call(credential, calls.COUNT_AUDIT_LOGS, filters)
        return str((await self._read(credential, counts, strong=_is_strong(query)))[1])

    @override
    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        return await self._read_of_record(credential, calls.GET_AUDIT_LOG, {"id": record_id})

    async def _read_of_record(
        self, credential: Credential, statement: LiteralString, parameters: Mapping[str, Any]
    ) -> str:
        look = _call(credential, statement, parameters)
        _, found = await self._read(credential, look)
        if found is None and self._replica:  # which may not have the record yet
            _, found = await self._read(credential, look, strong=True)
        if found is None:
            raise RecordNotFound("the tenant has no record with this id")
        return str(found)

    @override
    async def summarize(self, credential: Credential) -> str:
        return str((await self._read(credential, _call(credential, calls.SUMMARIZE_AUDIT_LOGS, {})))[1])

    # A standby may read leaves and proofs: once made they never change. What it does not have yet it refuses, and then
    # the primary is asked.

    @override
    async def read_checkpoint(self, credential: Credential, query: CheckpointQuery) -> str:
        look = _call(credential, calls.GET_CHECKPOINT, query.model_dump(include={"epoch", "size"}))
        return str((await self._read(credential, look, strong=query.consistency == "strong"))[1])

    @override
    async def read_leaf(self, credential: Credential, record_id: UUID) -> str:
        return await self._read_of_record(credential, calls.GET_LEAF, {"id": record_id})

    @override
    async def read_inclusion_proof(self, credential: Credential, record_id: UUID, size: int | None) -> str:
        return await self._read_of_record(credential, calls.GET_INCLUSION_PROOF, {"id": record_id, "size": size})

    @override
    async def read_consistency_proof(self, credential: Credential, query: ConsistencyQuery) -> str:
        look = _call(credential, calls.GET_CONSISTENCY_PROOF, query.model_dump(exclude={"tenant_id"}))
        return str((await self._read(credential, look))[1])

    @override
    async def read_feed(self, credential: Credential, query: FeedQuery) -> str:
        look = _call(credential, calls.READ_FEED, query.model_dump(include={"after", "limit", "format"}))
        return str((await self._read(credential, look, records=query.limit))[1])

    @override
    async def may_export(self, credential: Credential) -> str:
        # No record has the id NULL, and none is searched for.
        tenant_id, _ = await self._read(credential, _call(credential, calls.GET_AUDIT_LOG, {"id": None}))
        return tenant_id

    @override
    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        filters = query.model_dump(exclude={"tenant_id", "consistency"})
        page = _call(credential, calls.LIST_ADMIN_EVENTS, filters)
        return str((await self._read(credential, page, strong=_is_strong(query)))[1])

    @override
    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        filters = _parameters(query, {"tenant_id", "bom"})
        parameters = {**filters, "api_key": credential.secret if isinstance(credential, ApiKey) else None}
        begun = monotonic()
        # On the primary: it records the export.
        begin = _call(credential, calls.BEGIN_EXPORT, parameters)
        tenant_id, state = await self._read(credential, begin, strong=True)
        return tenant_id, self._export(credential, state, begun)

    async def _export(self, credential: Credential, state: str | None, begun: float) -> AsyncIterator[bytes]:
        # db/functions/export/export_audit_logs.sql says why an export is many transactions.
        while state is not None:
            part = partial(Database.copy_export, credential=credential, state=state)
            rows = await self._read(credential, part, as_of=begun)  # complete to its beginning, wherever it is read
            state = rows[-1][1]
            yield b"".join(lines for lines, _ in rows)

    async def _read(
        self,
        credential: Credential,
        transaction: Callable[[Database], Coroutine[Any, Any, Result]],
        *,
        records: int = 1,
        strong: bool = False,
        as_of: float | None = None,
    ) -> Result:
        """Run `transaction` on the standby, unless `strong`, or else on the primary. as_of: see ReadReplica.read()."""
        tenant = credential.tenant_id or ""  # app.http.credentials.credential_of() has set it
        # A large page is in memory three times.
        async with self._large_pages.hold(tenant) if records > LARGE_PAGE else nullcontext():
            found = None
            if self._replica and not strong:
                found = await self._replica.read(tenant, transaction, as_of=as_of)
            READS.labels("primary" if found is None else "replica").inc()
            if found is None:
                # What the standby accepts is not remembered: only the primary knows of a revocation at once.
                async with self._reads.hold(tenant):
                    with self.known.remembering(credential):
                        found = await self._retries.run(partial(transaction, self._database), writes=False)
        self._uses.note(credential, "read")
        return found


def _call(
    credential: Credential, statement: LiteralString, parameters: Mapping[str, Any]
) -> Callable[[Database], Coroutine[Any, Any, tuple[str, Any]]]:
    return partial(Database.call, credential=credential, statement=statement, parameters=parameters)


def _parameters(query: ListQuery | ExportQuery, exclude: set[str]) -> Mapping[str, Any]:
    filters = query.parameters(exclude)
    refuse_unstorable(filters)
    return {**filters, "context": filters["context"] and dump(filters["context"])}


def _is_strong(query: ListQuery | AdminEventsQuery) -> bool:
    # The page before may have come from the primary: a standby that is behind would lose records between the two.
    return query.consistency == "strong" or query.cursor is not None
