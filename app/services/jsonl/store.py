"""The audit trail without a database: an append-only file, one JSON object a line. It writes and lists.

For local work, and so that a service without DATABASE_URL still records. The file enforces nothing: this module keeps
tenants apart, and app/model/record_checks.py has the rules of a record. A record is on the disk before write_log()
returns; records that arrive during a flush share the next one.
"""

import asyncio
import hashlib
import heapq
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from typing_extensions import override

from app.model.context import is_context, member_text
from app.model.credential import HEADER, Caller, Credential
from app.model.query import ACTS, AdminEventsQuery, CheckpointQuery, ConsistencyQuery, ExportQuery, ListQuery
from app.model.record import MODES, STATUSES, Fields, Record, as_stored
from app.model.record_checks import refuse_broken_rule
from app.model.refusals import (
    EvidenceUnavailable,
    ExportUnavailable,
    InvalidRequest,
    RecordNotFound,
    RefusedToServe,
    StorageUnavailable,
    TenantUnknown,
)
from app.model.storable import refuse_unstorable
from app.services.audit_logger import AuditLogger, Health, Stored, StoreState
from app.services.batch import Batch
from app.services.concurrency.group_commit import GroupCommit
from app.services.jsonl.file import AuditFile

logger = logging.getLogger("ringfence")

Result = TypeVar("Result")
Key = tuple[datetime, str]
"""What lists are in order of: created_at and id."""

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_EQUALITIES = {"agent_id", "trace_id", "user_id", "mode", "status", "http_status", "api_key_id"}
_WORDS = {
    "order": (("asc", "desc"), "order is asc or desc"),
    "mode": (MODES, "mode is DRY_RUN or LIVE"),
    "status": (STATUSES, "status is started, success, error or denied"),
    "act": (ACTS, "act is none that is recorded"),
}
_NO_EXPORT = "the service keeps records in a file and has no export of it: the file itself is JSON lines, for jq"
_NO_EVIDENCE = "the service keeps records in a file, which nothing seals: evidence needs a database"


class FileAuditLogger(AuditLogger):
    """An AuditLogger on one append-only file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = AuditFile(path)
        self._flushes: GroupCommit[Fields, None] = GroupCommit(
            self._append, _bytes_of, max_items=1024, max_bytes=4_194_304, max_queued=4096
        )
        self._checking = asyncio.Lock()

    @override
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

    @override
    def start(self) -> None:
        return  # there is no background work

    @override
    async def close(self) -> None:
        await self._flushes.drain()

    @override
    async def write_log(self, credential: Credential, record: Record, *, allow_spool: bool = True) -> Stored:
        tenant_id = _registered(credential)
        stored = as_stored(tenant_id, record.fields())
        refuse_unstorable(stored)
        refuse_broken_rule(stored)
        await self._flushes.submit(tenant_id, stored)
        return Stored(tenant_id)

    @override
    async def identify(self, credential: Credential, source: str) -> Caller:
        # Without the scope import: created_at is always the service's clock.
        return Caller(_registered(credential), frozenset({"read", "write"}), None)

    @override
    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        """Append all records of `batch` in one flush. A crash may leave a part of them, which was not acknowledged."""
        tenant_id = _registered(credential)
        if idempotency_key is not None:
            raise InvalidRequest.field("Idempotency-Key", "needs a database; here, give each record an id of its own")
        await self._in_thread(lambda: self._file.append(batch.stored_records(tenant_id)))
        return Stored(tenant_id)

    @override
    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """Return one page. Reads the whole file, and holds one page of it."""
        tenant_id = _registered(credential)
        _check(query)
        return await self._in_thread(lambda: self._page(tenant_id, query))

    @override
    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        tenant_id = _registered(credential)

        def find() -> Fields | None:
            wanted = (tenant_id, str(record_id))
            return next((each for each in self._file.records() if (each["tenant_id"], each["id"]) == wanted), None)

        if (found := await self._in_thread(find)) is None:
            raise RecordNotFound("the tenant has no record with this id")
        return json.dumps(_item(found))

    @override
    async def may_export(self, credential: Credential) -> str:
        _registered(credential)
        raise ExportUnavailable(_NO_EXPORT)

    @override
    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        _registered(credential)
        raise ExportUnavailable(_NO_EXPORT)

    @override
    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        # There are none: a file has no register of tenants, and no keys.
        _registered(credential)
        _check(query)
        if query.cursor is not None:
            raise InvalidRequest.field("cursor", "the cursor does not belong to this list")
        return _as_page([], None)

    @override
    async def read_checkpoint(self, credential: Credential, query: CheckpointQuery) -> str:
        raise _no_evidence(credential)

    @override
    async def read_leaf(self, credential: Credential, record_id: UUID) -> str:
        raise _no_evidence(credential)

    @override
    async def read_inclusion_proof(self, credential: Credential, record_id: UUID, size: int | None) -> str:
        raise _no_evidence(credential)

    @override
    async def read_consistency_proof(self, credential: Credential, query: ConsistencyQuery) -> str:
        raise _no_evidence(credential)

    @property
    @override
    def tenant_source(self) -> str:
        return HEADER

    @property
    @override
    def database_state(self) -> str:
        return "none"

    @override
    async def state(self) -> StoreState:
        return StoreState(self._flushes.queued, {})

    @override
    async def db_ping(self) -> Health:
        """Time all that an append does but the writing. Raises StorageUnavailable when an append would fail."""
        async with self._checking:  # one at a time: checks that wait for the lock must not take every thread
            started = time.perf_counter()
            await self._in_thread(self._file.check)
        return Health(round((time.perf_counter() - started) * 1000, 3), "service", [])

    async def _in_thread(self, function: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(function)
        except OSError as error:
            logger.error("the audit file failed: %s", error.strerror)
            raise StorageUnavailable("the audit file cannot be used right now") from error

    async def _append(self, records: Sequence[Fields]) -> Sequence[None]:
        await self._in_thread(lambda: self._file.append(records))
        return [None] * len(records)

    def _page(self, tenant_id: str, query: ListQuery) -> str:
        after = _position(tenant_id, query)
        is_descending = query.order == "desc"
        filters = query.model_dump(include=_EQUALITIES, exclude_none=True)
        context = query.context or {}
        start, end = query.start_time, query.end_time
        seen: set[str] = set()

        def found() -> Iterator[tuple[Key, Fields]]:
            for record in self._file.records():
                if record["tenant_id"] != tenant_id or record["id"] in seen:
                    continue
                seen.add(record["id"])
                time = datetime.fromisoformat(record["created_at"])
                key = time, record["id"]
                if (
                    (after is None or (key < after if is_descending else key > after))
                    and (start is None or time >= start)
                    and (end is None or time < end)
                    and all(record.get(name) == value for name, value in filters.items())
                    and all(_member(record, name) == value for name, value in context.items())
                ):
                    yield key, record

        choose = heapq.nlargest if is_descending else heapq.nsmallest
        page = choose(query.limit + 1, found(), key=lambda item: item[0])
        cursor = _cursor(page[query.limit - 1][0], tenant_id, query) if len(page) > query.limit else None
        return _as_page([_item(record) for _, record in page[: query.limit]], cursor)


def _item(record: Fields) -> Fields:
    """Return a record of the file as lists show it, with what only a database can add to it."""
    evidence = {"recorded_at": record["created_at"], "api_key_id": None, "context": record.get("context")}
    return {name: value for name, value in record.items() if name != "context"} | evidence


def _member(record: Fields, name: str) -> str | None:
    value = (record.get("context") or {}).get(name)
    return None if value is None else member_text(value)


def _as_page(items: list[Fields], cursor: str | None) -> str:
    return json.dumps({"count": len(items), "items": items, "next_cursor": cursor, "has_more": cursor is not None})


def _bytes_of(record: Fields) -> int:
    context = record["context"] or {}
    return 256 + sum(len(value) for value in (*record.values(), *context, *context.values()) if isinstance(value, str))


def _registered(credential: Credential) -> str:
    # A file has no register of tenants: any well-formed name is a tenant.
    if credential.tenant_id is None or not _TENANT.fullmatch(credential.tenant_id):
        raise TenantUnknown("the tenant is not registered")
    return credential.tenant_id


def _no_evidence(credential: Credential) -> EvidenceUnavailable:
    _registered(credential)
    return EvidenceUnavailable(_NO_EVIDENCE)


def _check(query: ListQuery | AdminEventsQuery) -> None:
    """Refuse a query that the database would refuse, in the same words. Raises InvalidRequest."""
    values = query.parameters(set()) if isinstance(query, ListQuery) else query.model_dump()
    refuse_unstorable(values)
    if not 1 <= query.limit <= 1000:
        raise InvalidRequest.field("limit", "limit is a number from 1 to 1000")
    if context := values.get("context"):
        parts = {f"context.{name}": {name: value} for name, value in context.items()}
        for field, part in {**parts, "context": context}.items():
            if not is_context(part):
                raise InvalidRequest.field(field, "no record has such a context")
    for name, (words, rule) in _WORDS.items():
        if values.get(name) is not None and values[name] not in words:
            raise InvalidRequest.field(name, rule)


def _position(tenant_id: str, query: ListQuery) -> Key | None:
    """Return the key of the last record before the page. Raises InvalidRequest for a cursor of another list."""
    if query.cursor is None:
        return None
    try:
        text, record_id, _ = query.cursor.split("_")
        key = datetime.fromisoformat(text), record_id
        if _cursor(key, tenant_id, query) == query.cursor:
            return key
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest.field("cursor", "the cursor does not belong to this list")


def _cursor(key: Key, tenant_id: str, query: ListQuery) -> str:
    # Guards against mistakes, as audit.page_cursor() does: a cursor belongs to one list.
    position = f"{key[0].astimezone(UTC):%Y%m%dT%H%M%S.%fZ}_{key[1]}"
    # A time is the same in any zone.
    filters = query.model_dump(exclude={"limit", "cursor", "tenant_id"})
    text = json.dumps([position, tenant_id, filters], default=lambda time: time.timestamp(), sort_keys=True)
    return f"{position}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
