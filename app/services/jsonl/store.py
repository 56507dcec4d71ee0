"""The audit trail without a database: an append-only file, one JSON object a line.

For local work, and so that a deploy without DATABASE_URL still records. The file enforces nothing, so what the database
does by constraint and policy is done in Python: FileAuditLogger keeps tenants apart, app/model/record_rules.py holds
the CHECKs of db/schema.

A record is on the disk before write_log() returns; records that come in while others are being flushed share the next
flush. Several processes may append to one file: each append holds the
file's lock. A crash can leave half a line at the end; the next append starts a line of its own, and readers skip the
half.
"""

import asyncio
import hashlib
import heapq
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.model.credential import HEADER, Caller, Credential
from app.model.query import ACTS, AdminEventsQuery, ExportQuery, ListQuery
from app.model.record import AuditEvent
from app.model.record_rules import MODES, STATUSES, as_stored, refuse_broken_rule, refuse_unstorable
from app.model.refusals import (
    InvalidRequest,
    RecordNotFound,
    RefusedToServe,
    ScopeMissing,
    StorageUnavailable,
    TenantUnknown,
)
from app.services.audit_logger import Health, Stored, StoreState
from app.services.batch import Batch
from app.services.concurrency.group_commit import GroupCommit
from app.services.jsonl import export as audit_file_export
from app.services.jsonl.appending import AppendableFile
from app.services.jsonl.reading import Record, matches, whole_records

logger = logging.getLogger("ringfence")

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CURSOR = re.compile(r"([0-9]{1,18})-([0-9a-f]{32})-([0-9a-f]{16})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FileAuditLogger:
    """An AuditLogger on one append-only file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = AppendableFile(path)
        self._flushes: GroupCommit[Record, None] = GroupCommit(
            self._append, _bytes_of, max_items=1024, max_bytes=4_194_304, max_queued=4096
        )
        self._checking = asyncio.Lock()

    async def open(self) -> None:
        """Create the file, readable by its owner alone. Raises RefusedToServe when it cannot be written."""
        try:
            await asyncio.to_thread(self._file.check)
        except OSError as error:
            raise RefusedToServe(f"AUDIT_LOG_PATH: {self._path} cannot be written: {error.strerror}") from error
        logger.warning(
            "no DATABASE_URL: records go to %s, where tenants are kept apart by this service alone, not by a database",
            self._path,
        )

    def start(self) -> None:
        """See AuditLogger. Nothing goes on here."""

    async def close(self) -> None:
        """Return once what was handed over is on the disk. No file is held open between two flushes."""
        await self._flushes.drain()

    async def write_log(
        self,
        credential: Credential,
        event: AuditEvent,
        *,
        allow_spool: bool = True,  # noqa: ARG002  there is nothing here in which it could
    ) -> Stored:
        """See AuditLogger."""
        tenant_id = _registered(credential)
        record = as_stored(tenant_id, event.fields())
        refuse_unstorable(record)
        refuse_broken_rule(record)
        await self._flushes.submit(tenant_id, record)
        return Stored(tenant_id)

    async def identify(self, credential: Credential, source: str) -> Caller:  # noqa: ARG002  nothing is asked
        """See AuditLogger."""
        return Caller(_registered(credential), frozenset({"read", "write"}), None)

    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        """See AuditLogger. One flush for all; what a crash in the middle leaves of them was never acknowledged."""
        tenant_id = _registered(credential)
        if idempotency_key is not None:
            raise InvalidRequest.field("Idempotency-Key", "needs a database; here, give each record an id of its own")
        if batch.is_import:
            raise ScopeMissing("created_at is for an API key with the scope import")
        await self._in_thread(self._append_batch, tenant_id, batch)
        return Stored(tenant_id)

    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """See AuditLogger. Reads the whole file, and holds one page of it."""
        tenant_id = _registered(credential)
        filters = query.model_dump(exclude={"limit", "cursor", "tenant_id"})
        refuse_unstorable(filters)
        if not 1 <= query.limit <= 1000:
            raise InvalidRequest.field("limit", "limit is a number from 1 to 1000")
        _refuse_unknown_words(query)
        page: str = await self._in_thread(self._page, tenant_id, query, filters)
        return page

    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        """See AuditLogger. Reads the file until it has the record."""
        tenant_id = _registered(credential)
        found: str | None = await self._in_thread(self._find, tenant_id, str(record_id))
        if found is None:
            raise RecordNotFound("the tenant has no record with this id")
        return found

    async def may_read(self, credential: Credential) -> str:
        """See AuditLogger."""
        return _registered(credential)

    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        """See AuditLogger. There are no administrative acts here, so it is the service's log that has it."""
        tenant_id = _registered(credential)
        filters = query.model_dump(exclude={"tenant_id", "bom"})
        refuse_unstorable(filters)
        if query.format not in ("ndjson", "csv"):
            raise InvalidRequest.field("format", "format is ndjson or csv")
        _refuse_unknown_words(query)
        logger.info("records exported: %s", tenant_id)
        return tenant_id, self._export(audit_file_export.parts(self._path, tenant_id, filters))

    async def _export(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (part := await self._in_thread(next, parts, None)) is not None:
            yield part

    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        """See AuditLogger. Nothing is administered here: no tenant is registered, and no key issued."""
        _registered(credential)
        refuse_unstorable(query.model_dump(exclude={"limit", "tenant_id"}))
        if not 1 <= query.limit <= 1000:
            raise InvalidRequest.field("limit", "limit is a number from 1 to 1000")
        if query.order not in ("asc", "desc"):
            raise InvalidRequest.field("order", "order is asc or desc")
        if query.act is not None and query.act not in ACTS:
            raise InvalidRequest.field("act", "act is none that is recorded")
        if query.cursor is not None:
            raise InvalidRequest.field("cursor", "the cursor does not belong to this list")
        return '{"count": 0, "items": [], "next_cursor": null, "has_more": false}'

    @property
    def tenant_source(self) -> str:
        """See AuditLogger. A file can check no key."""
        return HEADER

    @property
    def database_state(self) -> str:
        """See AuditLogger."""
        return "none"

    async def state(self) -> StoreState:
        """See AuditLogger."""
        return StoreState(self._flushes.queued, {})

    async def db_ping(self) -> Health:
        """Time all that an append does but the writing. Raises StorageUnavailable when an append would fail."""
        async with self._checking:  # one at a time: checks that wait for the lock must not take every thread
            started = time.perf_counter()
            await self._in_thread(self._file.check)
        return Health("jsonl", round((time.perf_counter() - started) * 1000, 3), "service", [])

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await asyncio.to_thread(function, *arguments)
        except OSError as error:
            logger.error("the audit file failed: %s", error.strerror)
            raise StorageUnavailable("the audit file cannot be used right now") from error

    async def _append(self, records: Sequence[Record]) -> Sequence[None]:
        await self._in_thread(self._file.append, records)
        return [None] * len(records)

    def _append_batch(self, tenant_id: str, batch: Batch) -> None:
        for position, sent in batch.records():
            with batch.at(position):
                refuse_broken_rule(as_stored(tenant_id, sent))
        if batch.refusal is not None:
            raise batch.refusal
        self._file.append(as_stored(tenant_id, sent) for _, sent in batch.records())

    def _find(self, tenant_id: str, record_id: str) -> str | None:
        for record in whole_records(self._path):
            if record["tenant_id"] == tenant_id and record["id"] == record_id:
                return json.dumps(record)
        return None

    def _page(self, tenant_id: str, query: ListQuery, filters: dict[str, Any]) -> str:
        after = self._position(tenant_id, query, filters)
        descending = query.order == "desc"

        def wanted() -> Iterator[tuple[tuple[datetime, str], dict[str, Any]]]:
            seen: set[str] = set()
            for record in whole_records(self._path):
                if record["tenant_id"] != tenant_id or record["id"] in seen:
                    continue
                seen.add(record["id"])
                key = (datetime.fromisoformat(record["created_at"]), record["id"])
                if after is not None and not (key < after if descending else key > after):
                    continue
                if matches(record, key[0], filters):
                    yield key, record

        choose = heapq.nlargest if descending else heapq.nsmallest
        found = choose(query.limit + 1, wanted(), key=lambda item: item[0])
        page = found[: query.limit]
        next_cursor = _cursor(page[-1][0], tenant_id, filters) if len(found) > query.limit else None
        return json.dumps(
            {
                "count": len(page),
                "items": [record for _, record in page],
                "next_cursor": next_cursor,
                "has_more": len(found) > query.limit,
            }
        )

    def _position(self, tenant_id: str, query: ListQuery, filters: dict[str, Any]) -> tuple[datetime, str] | None:
        if query.cursor is None:
            return None
        if match := _CURSOR.fullmatch(query.cursor):
            digits, plain = match.group(1), match.group(2)
            uuid = f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
            try:
                key = (_EPOCH + timedelta(microseconds=int(digits)), uuid)
            except OverflowError:
                pass
            else:
                if query.cursor == _cursor(key, tenant_id, filters):
                    return key
        raise InvalidRequest.field("cursor", "the cursor does not belong to this list")


def _bytes_of(record: Record) -> int:
    return 256 + sum(len(value) for value in record.values() if isinstance(value, str))


def _registered(credential: Credential) -> str:
    # There is no register of tenants here: any well-formed name is one.
    if credential.tenant_id is None or not _TENANT.fullmatch(credential.tenant_id):
        raise TenantUnknown("the tenant is not registered")
    return credential.tenant_id


def _refuse_unknown_words(query: ListQuery | ExportQuery) -> None:
    if query.order not in ("asc", "desc"):
        raise InvalidRequest.field("order", "order is asc or desc")
    if query.mode is not None and query.mode not in MODES:
        raise InvalidRequest.field("mode", "mode is DRY_RUN or LIVE")
    if query.status is not None and query.status not in STATUSES:
        raise InvalidRequest.field("status", "status is started, success, error or denied")


def _cursor(key: tuple[datetime, str], tenant_id: str, filters: dict[str, Any]) -> str:
    # Guards against mistakes, as audit.page_cursor() does: a cursor belongs to one list.
    position = f"{(key[0] - _EPOCH) // timedelta(microseconds=1)}-{key[1].replace('-', '')}"
    # A time is the same in any zone.
    text = json.dumps([position, tenant_id, filters], default=lambda time: time.timestamp(), sort_keys=True)
    return f"{position}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
