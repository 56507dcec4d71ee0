"""The audit trail in the database: which function is called for what, and what shares a commit or waits for a place."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from app.model.credential import ApiKey, Caller, Credential
from app.model.query import AdminEventsQuery, ExportQuery, ListQuery
from app.model.record import AuditEvent
from app.model.record_rules import refuse_unstorable
from app.model.refusals import (
    DatabaseAway,
    InvalidRequest,
    RecordNotFound,
    RingfenceError,
    ScopeMissing,
    StorageUnavailable,
    TenantUnknown,
    Unauthenticated,
)
from app.services.audit_logger import Health, Outcome, Stored, StoreState
from app.services.batch import Batch
from app.services.concurrency.group_commit import GroupCommit
from app.services.concurrency.limiter import Limiter
from app.services.db import MOST_SECONDS_OF_A_RECORD, Call, Database
from app.services.known_credentials import KnownCredentials
from app.services.postgres.circuit_breaker import Availability
from app.services.postgres.sqlstates import Diagnosis
from app.telemetry.metrics import COMMIT_RECORDS

Record = tuple[Credential, AuditEvent]

# Of one commit, and of what is queued for one: four commits, so that what is stored is stored soon.
MAX_RECORDS = 64
MAX_BYTES = 1_048_576
MAX_QUEUED = 256
LARGE_PAGE = 200
"""Records from which on a page counts as large: one of 1,000 records of the greatest length is nine megabytes."""

_LOCKED = ("55P03", "40")
"""A lock was waited for too long, or for ever."""
_GET: LiteralString = "SELECT audit.get_audit_log(p_id => %(id)s::uuid)"
_INSERT: LiteralString = "SELECT audit.insert_audit_logs(p_records => %(records)s::json, p_first => %(first)s::int)"
_IMPORT: LiteralString = "SELECT audit.import_audit_logs(p_records => %(records)s::json, p_first => %(first)s::int)"


class DatabaseAuditLogger:
    """The audit trail in PostgreSQL. The policies decide; this only calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = KnownCredentials(self._describe, lambda: self.availability.last_contact)
        self._commits = GroupCommit(
            self._write_together,
            _size,
            max_items=MAX_RECORDS,
            max_bytes=MAX_BYTES,
            max_queued=MAX_QUEUED,
            max_seconds=MOST_SECONDS_OF_A_RECORD,
        )
        # Each place is held for as long as the database takes for at most 100,000 records, and no caller can prolong
        # that: one tenant may have all of them, and the next waits for the first that becomes free.
        self._bulk = Limiter(
            max(1, database.pool_size // 4),
            busy="too many requests with many records are being stored",
            max_queued=64,
            max_seconds=3 * database.pool_timeout,
        )
        # A list may take seconds, so one place of seven is kept for other tenants. Nine are queued for a place: few.
        self._large_pages = Limiter(
            2,
            busy="too many large pages are being read",
            max_queued=32,
            max_seconds=database.pool_timeout,
        )
        self._reads = Limiter(
            max(1, database.pool_size * 3 // 4),
            busy="too many lists and exports are being read",
            max_share=0.9,
            max_queued=64,
            max_seconds=database.pool_timeout,
        )

    async def write_log(
        self,
        credential: Credential,
        event: AuditEvent,
        *,
        allow_spool: bool = True,  # noqa: ARG002  there is nothing here in which it could
    ) -> Stored:
        """See AuditLogger. Records that come in at the same time share a commit, and nothing else."""
        # What cannot even be sent would be found out only by sending its whole batch one by one.
        refuse_unstorable({**event.fields(), "tenant_id": credential.tenant_id})
        if not self.availability.is_up:  # what is on its way may still wait for it
            raise DatabaseAway("the database is away")
        with self._noting(credential):
            return Stored(await self._commits.submit(_tenant(credential), (credential, event)))

    async def _write_together(self, records: Sequence[Record]) -> Sequence[str | RingfenceError]:
        """Store records of any tenants; return for each its tenant, or why it was refused."""
        COMMIT_RECORDS.observe(len(records))
        try:
            return await self._write_batch(records)
        except InvalidRequest:  # one that the server cannot read, which write_log() should have refused
            return [await self._write_alone(record) for record in records]

    async def _write_alone(self, record: Record) -> str | RingfenceError:
        try:
            (outcome,) = await self._write_batch([record])
        except RingfenceError as refusal:
            return refusal
        return outcome

    async def _write_batch(self, records: Sequence[Record]) -> Sequence[str | RingfenceError]:
        # db/functions/write/insert_audit_log_batch.sql
        rows = [_row(position, credential, event) for position, (credential, event) in enumerate(records, 1)]
        outcomes = await self._database.call_across_tenants(
            "SELECT audit.insert_audit_log_batch(p_records => %(records)s::json)", {"records": json.dumps(rows)}
        )
        return [
            outcome["tenant_id"] if "tenant_id" in outcome else self._refusal(Diagnosis(**outcome))
            for outcome in outcomes
        ]

    def _refusal(self, found: Diagnosis) -> RingfenceError:
        refusal = self._database.refusals.of_diagnosis(found)
        # Another transaction is writing a record of this id, or keeps everybody from the table. Which of the two is not
        # known, and so neither whether this one would be stored one day: it does not wait in the spool for that.
        if isinstance(refusal, DatabaseAway) and (found.sqlstate or "").startswith(_LOCKED):
            return StorageUnavailable(refusal.detail)
        return refusal

    async def identify(self, credential: Credential, source: str) -> Caller:
        """See AuditLogger."""
        return await self.known.identify(credential, source)

    @contextmanager
    def _noting(self, credential: Credential) -> Iterator[None]:
        """Remember what the database has found of `credential` in the block."""
        try:
            yield
        except (Unauthenticated, TenantUnknown) as refusal:
            self.known.note_refusal(credential, refusal)
            raise
        self.known.note_acceptance(credential)

    @asynccontextmanager
    async def _reading(self, credential: Credential, records: int = 1) -> AsyncIterator[None]:
        """Hold a place. A large page takes a second one, of which there are few: it is in memory three times."""
        tenant = _tenant(credential)
        async with AsyncExitStack() as places:
            if records > LARGE_PAGE:
                await places.enter_async_context(self._large_pages.hold(tenant))
            await places.enter_async_context(self._reads.hold(tenant))
            with self._noting(credential):
                yield

    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        """See AuditLogger; db/functions/write/insert_audit_logs.sql and its neighbours."""
        if batch.is_import and not isinstance(credential, ApiKey):
            raise ScopeMissing("created_at is for an API key with the scope import")

        async def work(call: Call) -> str:
            if idempotency_key is not None and batch.refusal is None:
                earlier = await call(
                    "SELECT audit.claim_idempotency_key(p_key => %(key)s, p_body_sha256 => %(sha256)s,"
                    " p_answer => %(answer)s)",
                    {"key": idempotency_key, "sha256": batch.sha256, "answer": batch.answer},
                )
                if earlier is not None:
                    return str(earlier)
            for chunk in batch.chunks():
                parameters = {"records": chunk.records, "first": chunk.first}
                await call(_IMPORT if batch.is_import else _INSERT, parameters)
            if batch.refusal is not None:
                raise batch.refusal
            return batch.answer

        async with self._bulk.hold(_tenant(credential)):
            try:
                with self._noting(credential):
                    tenant_id, batch.answer = await self._database.call_many(credential, work)
            except InvalidRequest as refusal:
                raise refusal if refusal.position is None else batch.place(refusal, refusal.position) from refusal
        return Stored(tenant_id)

    async def _describe(self, credential: Credential) -> Caller:
        # db/functions/keys/describe_api_key.sql
        if not isinstance(credential, ApiKey):
            tenant_id, _ = await self._database.call(
                credential, "SELECT audit.tenant_source()", {}, seconds=MOST_SECONDS_OF_A_RECORD
            )
            return Caller(tenant_id, frozenset({"read", "write"}), None)
        _, found = await self._database.call(
            credential,
            "SELECT audit.describe_api_key(p_api_key => %(api_key)s)",
            {"api_key": credential.secret},
            seconds=MOST_SECONDS_OF_A_RECORD,
        )
        expires_at = found["expires_at"] and datetime.fromisoformat(found["expires_at"])
        return Caller(found["tenant_id"], frozenset(found["scopes"]), expires_at, found["spool_key_source"])

    async def replay(self, lines: Sequence[Mapping[str, str]]) -> Sequence[Outcome]:
        """Store what waited in the spool; return what became of each line. db/functions/write/replay_audit_logs.sql."""
        outcomes: Sequence[Outcome] = await self._database.call_across_tenants(
            "SELECT audit.replay_audit_logs(p_records => %(records)s::json)", {"records": json.dumps(list(lines))}
        )
        return outcomes

    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """See AuditLogger; db/functions/read/list_audit_logs.sql."""
        filters = query.model_dump(exclude={"tenant_id"})
        refuse_unstorable(filters)
        async with self._reading(credential, query.limit):
            _, page = await self._database.call(
                credential,
                "SELECT audit.list_audit_logs(p_agent_id => %(agent_id)s, p_trace_id => %(trace_id)s,"
                " p_user_id => %(user_id)s, p_mode => %(mode)s, p_status => %(status)s,"
                " p_http_status => %(http_status)s::int, p_start_time => %(start_time)s, p_end_time => %(end_time)s,"
                " p_limit => %(limit)s::int, p_cursor => %(cursor)s, p_order => %(order)s)",
                filters,
            )
        return str(page)

    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        """See AuditLogger; db/functions/read/get_audit_log.sql."""
        async with self._reading(credential):
            _, record = await self._database.call(credential, _GET, {"id": record_id})
        if record is None:
            raise RecordNotFound("the tenant has no record with this id")
        return str(record)

    async def may_read(self, credential: Credential) -> str:
        """See AuditLogger; db/functions/read/get_audit_log.sql: no record has the id NULL, and none is looked for."""
        async with self._reading(credential):
            tenant_id, _ = await self._database.call(credential, _GET, {"id": None})
        return tenant_id

    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        """See AuditLogger; db/functions/export/begin_export.sql."""
        filters = query.model_dump(exclude={"tenant_id", "bom"})
        refuse_unstorable(filters)
        async with self._reading(credential):
            tenant_id, state = await self._database.call(
                credential,
                "SELECT audit.begin_export(p_api_key => %(api_key)s, p_format => %(format)s,"
                " p_agent_id => %(agent_id)s, p_trace_id => %(trace_id)s, p_user_id => %(user_id)s,"
                " p_mode => %(mode)s, p_status => %(status)s,"
                " p_http_status => %(http_status)s::int, p_start_time => %(start_time)s, p_end_time => %(end_time)s,"
                " p_order => %(order)s)",
                {
                    **filters,
                    "api_key": credential.secret if isinstance(credential, ApiKey) else None,
                },
            )
        return tenant_id, self._export(credential, state)

    async def _export(self, credential: Credential, state: str | None) -> AsyncIterator[bytes]:
        # db/functions/export/export_audit_logs.sql says why an export is many transactions.
        while state is not None:
            async with self._reading(credential):
                rows = await self._database.copy(
                    credential,
                    "SELECT audit.continue_export(p_state => %(state)s)",
                    {"state": state},
                    "COPY (SELECT lines, state FROM audit.export_audit_logs()) TO STDOUT (FORMAT binary)",
                    ["bytea", "text"],
                )
            state = rows[-1][1]
            yield b"".join(lines for lines, _ in rows)

    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        """See AuditLogger; db/functions/read/list_admin_events.sql."""
        async with self._reading(credential):
            _, page = await self._database.call(
                credential,
                "SELECT audit.list_admin_events(p_limit => %(limit)s::int, p_cursor => %(cursor)s,"
                " p_order => %(order)s, p_start_time => %(start_time)s, p_end_time => %(end_time)s, p_act => %(act)s,"
                " p_api_key_id => %(api_key_id)s)",
                query.model_dump(exclude={"tenant_id"}),
            )
        return str(page)

    @property
    def tenant_source(self) -> str:
        """See AuditLogger; db/functions/tenant/tenant_source.sql."""
        return self._database.tenant_source

    async def db_ping(self) -> Health:
        """See AuditLogger; db/functions/isolation/isolation_report.sql."""
        ping = await self._database.db_ping()
        return Health("postgresql", ping.latency_ms, "broken" if ping.findings else "intact", ping.findings)

    @property
    def database_state(self) -> str:
        """See AuditLogger."""
        return "up" if self.availability.is_up else "down"

    async def state(self) -> StoreState:
        """See AuditLogger."""
        return StoreState(self._commits.waiting, self._database.connections())

    @property
    def availability(self) -> Availability:
        """Whether the database can be written to."""
        return self._database.availability

    async def open(self) -> None:
        """See AuditLogger."""
        await self._database.open()

    def start(self) -> None:
        """See AuditLogger."""
        self._database.start()

    async def close(self) -> None:
        """See AuditLogger."""
        await self._commits.drain()
        await self._database.close()


def _tenant(credential: Credential) -> str:
    return credential.tenant_id or ""  # as app.http.credentials.credential_of() has put it there


def _row(position: int, credential: Credential, event: AuditEvent) -> dict[str, Any]:
    row = {"position": position, "tenant_id": credential.tenant_id, **event.fields()}
    if isinstance(credential, ApiKey):
        row["api_key"] = credential.secret
    return row


def _size(record: Record) -> int:
    _, event = record
    texts = (event.trace_id, event.agent_id, event.mode, event.status, event.user_id, event.error)
    return 256 + sum(len(text) for text in texts if text)
