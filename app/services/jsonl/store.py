"""The audit trail without a database: an append-only file, one JSON object a line. It writes and lists.

For local work, and so that a service without DATABASE_URL still records. The file enforces nothing: this module keeps
tenants apart, and app/model/record_checks.py has the rules of a record. A record is on the disk before write_log()
returns; records that arrive during a flush share the next one.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from typing_extensions import override

from app.model.credential import HEADER, Caller, Credential
from app.model.query import AdminEventsQuery, CheckpointQuery, ConsistencyQuery, ExportQuery, FeedQuery, ListQuery
from app.model.record import Fields, Record, as_stored
from app.model.record_checks import refuse_broken_rule
from app.model.refusals import (
    EvidenceUnavailable,
    ExportUnavailable,
    InvalidRequest,
    RecordNotFound,
    RefusedToServe,
    StorageUnavailable,
    TenantUnknown,
    ViewLinksUnavailable,
)
from app.model.storable import refuse_unstorable
from app.services.audit_logger import AuditLogger, Health, Stored, StoreState
from app.services.batch import Batch
from app.services.concurrency.group_commit import GroupCommit
from app.services.jsonl.file import AuditFile
from app.services.jsonl.pages import as_item, as_page, counts_of, page_of, refuse_invalid_query

logger = logging.getLogger("ringfence")

Result = TypeVar("Result")

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NO_EXPORT = "the service keeps records in a file and has no export of it: the file itself is JSON lines, for jq"
_NO_LINKS = "the service keeps records in a file and has no keys: a view link needs a database"
_NO_OVERVIEW = "the service keeps records in a file, which has no evidence, terms or keys: an overview needs a database"
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
    async def open_view_link(self, token: str) -> str | None:
        raise ViewLinksUnavailable(_NO_LINKS)

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
        refuse_invalid_query(query)
        return await self._in_thread(lambda: page_of(self._file.records(), tenant_id, query))

    @override
    async def count_logs(self, credential: Credential, query: ListQuery) -> str:
        tenant_id = _registered(credential)
        refuse_invalid_query(query)
        return await self._in_thread(lambda: counts_of(self._file.records(), tenant_id, query))

    @override
    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        tenant_id = _registered(credential)

        def find() -> Fields | None:
            wanted = (tenant_id, str(record_id))
            return next((each for each in self._file.records() if (each["tenant_id"], each["id"]) == wanted), None)

        if (found := await self._in_thread(find)) is None:
            raise RecordNotFound("the tenant has no record with this id")
        return json.dumps(as_item(found))

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
        refuse_invalid_query(query)
        if query.cursor is not None:
            raise InvalidRequest.field("cursor", "the cursor does not belong to this list")
        return as_page([], None)

    @override
    async def summarize(self, credential: Credential) -> str:
        _registered(credential)
        raise EvidenceUnavailable(_NO_OVERVIEW)

    @override
    async def read_feed(self, credential: Credential, query: FeedQuery) -> str:
        raise _no_evidence(credential)

    @override
    def next_sealing(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    @property
    @override
    def hears_of_sealing(self) -> bool:
        return False

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
