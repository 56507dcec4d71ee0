"""The audit trail in the database, with a spool for the time when the database is unavailable.

The spool takes only records of what has happened already. A record that must exist before something happens (an agent
is called, records are shown) is refused instead.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import UUID

from typing_extensions import override

from app.model.credential import Caller, Credential, SpoolKeySource
from app.model.query import AdminEventsQuery, CheckpointQuery, ConsistencyQuery, ExportQuery, FeedQuery, ListQuery
from app.model.record import Fields, Record, as_stored
from app.model.record_checks import refuse_broken_rule
from app.model.refusals import DatabaseUnavailable, OutcomeUnknown, RefusedToServe, RingfenceError, StorageUnavailable
from app.services.audit_logger import AuditLogger, Health, ReplayableAuditLogger, Stored, StoreState
from app.services.batch import Batch
from app.services.known_credentials import KnownCredentials
from app.services.spool.known_credentials import KnownCredentialsTable
from app.services.spool.lines import spool_line
from app.services.spool.queue import Spool
from app.services.spool.replay import Replay

logger = logging.getLogger("ringfence")

_BETWEEN_TRIES = 5.0
"""Seconds between two tries to open a spool that could not be opened at start."""
_BETWEEN_COPIES = 60.0
"""Seconds after which the spool's copy of known credentials is written anew, with the times of their last use."""


class SpoolingAuditLogger(AuditLogger):
    """Writes records to the spool while the database is unavailable, and replays them afterwards."""

    def __init__(self, database: ReplayableAuditLogger, known: KnownCredentials, spool: Spool) -> None:
        self._database = database
        self._spool = spool
        self._is_usable = False
        self._known = known
        self._known_table = KnownCredentialsTable(spool.file)
        self._earlier_tenant_source = ""
        self._replay = Replay(spool, database.replay, lambda: database.database_state == "up")
        self._background: list[asyncio.Task[None]] = []

    @override
    async def write_log(self, credential: Credential, record: Record, *, allow_spool: bool = True) -> Stored:
        try:
            return await self._database.write_log(credential, record)
        except (DatabaseUnavailable, OutcomeUnknown) as unavailable:
            caller = self._may_spool(credential) if allow_spool else None
            if caller is None:
                raise
            stored = as_stored(caller.tenant_id, record.fields())
            refuse_broken_rule(stored)
            line = partial(_signed, credential, caller.spool_key_source, stored)
            return await _appended(self._spool.append(caller.tenant_id, line), caller, unavailable)

    @override
    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        try:
            return await self._database.write_logs(credential, batch, idempotency_key)
        except (DatabaseUnavailable, OutcomeUnknown) as unavailable:
            # The database alone keeps Idempotency-Keys, and lets records have a time of their own.
            allow_spool = idempotency_key is None and not batch.is_import
            caller = self._may_spool(credential) if allow_spool else None
            if caller is None:
                raise
            # Raises InvalidRequest at the first record that is refused.
            records, source = batch.stored_records(caller.tenant_id), caller.spool_key_source
            lines = (partial(_signed, credential, source, record) for record in records)
            return await _appended(self._spool.append_all(caller.tenant_id, lines), caller, unavailable)

    @override
    async def identify(self, credential: Credential, source: str) -> Caller:
        return await self._database.identify(credential, source)

    @override
    async def open_view_link(self, token: str) -> str | None:
        return await self._database.open_view_link(token)

    # No record of the spool is read before it is replayed.

    @override
    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        return await self._database.read_logs(credential, query)

    @override
    async def count_logs(self, credential: Credential, query: ListQuery) -> str:
        return await self._database.count_logs(credential, query)

    @override
    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        return await self._database.read_log(credential, record_id)

    @override
    async def may_export(self, credential: Credential) -> str:
        return await self._database.may_export(credential)

    @override
    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        return await self._database.begin_export(credential, query)

    @override
    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        return await self._database.read_admin_events(credential, query)

    @override
    async def read_feed(self, credential: Credential, query: FeedQuery) -> str:
        return await self._database.read_feed(credential, query)

    @override
    def next_sealing(self) -> asyncio.Future[None]:
        return self._database.next_sealing()

    @property
    @override
    def hears_of_sealing(self) -> bool:
        return self._database.hears_of_sealing

    @override
    async def summarize(self, credential: Credential) -> str:
        return await self._database.summarize(credential)

    @override
    async def read_checkpoint(self, credential: Credential, query: CheckpointQuery) -> str:
        return await self._database.read_checkpoint(credential, query)

    @override
    async def read_leaf(self, credential: Credential, record_id: UUID) -> str:
        return await self._database.read_leaf(credential, record_id)

    @override
    async def read_inclusion_proof(self, credential: Credential, record_id: UUID, size: int | None) -> str:
        return await self._database.read_inclusion_proof(credential, record_id, size)

    @override
    async def read_consistency_proof(self, credential: Credential, query: ConsistencyQuery) -> str:
        return await self._database.read_consistency_proof(credential, query)

    @property
    @override
    def tenant_source(self) -> str:
        """Until the database has been reached, the one that it told an earlier worker."""
        return self._database.tenant_source or self._earlier_tenant_source

    @property
    @override
    def database_state(self) -> str:
        return self._database.database_state

    @override
    async def state(self) -> StoreState:
        state = await self._database.state()
        if self._is_usable:
            with suppress(OSError):  # its appends and its replay log what is wrong
                return replace(state, spooled=await self._spool.spooled(), spool_max_bytes=self._spool.max_bytes)
        return state

    @override
    async def db_ping(self) -> Health:
        return await self._database.db_ping()

    @override
    async def open(self) -> None:
        await self._database.open()
        try:
            await self._open_spool()
        except RefusedToServe as refusal:
            # No reason not to serve: without the database, records get 503, as they would without a spool.
            logger.error("no record can be spooled while the database is unavailable: %s", refusal)

    async def _open_spool(self) -> None:
        await self._spool.open()
        self._earlier_tenant_source, known = await self._known_table.read()
        self._known.restore(known)
        self._is_usable = True

    @override
    def start(self) -> None:
        """Begin to replay, records that an earlier process has left included."""
        self._database.start()
        if self._is_usable:
            self._start_spool()
        else:
            self._background = [asyncio.create_task(self._open_later())]

    def _start_spool(self) -> None:
        self._background += [
            asyncio.create_task(each) for each in (self._replay.watch(), self._set_clock(), self._keep_known())
        ]

    async def _open_later(self) -> None:
        """Try again: a disk that was full, or a lock that another worker held, keeps no spool shut for good."""
        while not self._is_usable:
            await asyncio.sleep(_BETWEEN_TRIES)
            with suppress(RefusedToServe, OSError):
                await self._open_spool()
        logger.warning("the spool can be used now")
        self._start_spool()

    @override
    async def close(self) -> None:
        """Close both. A replay is cut short; the next start goes on with it."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._is_usable:
            await self._spool.close()
        await self._database.close()

    def _may_spool(self, credential: Credential) -> Caller | None:
        return self._known.may_spool(credential, self._spool.clock.now()) if self._is_usable else None

    async def _set_clock(self) -> None:
        while True:
            if self.database_state == "up":
                self._spool.clock.set()
            await asyncio.sleep(1)

    async def _keep_known(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._known.has_new.wait(), _BETWEEN_COPIES)
            self._known.has_new.clear()
            # Without the database no credential is accepted anew, and an earlier worker's copy must not look newer.
            if self.database_state == "up":
                try:
                    await self._known_table.write(self.tenant_source, self._known.accepted())
                except OSError as error:
                    logger.warning("known credentials cannot be written to the disk: %s", error.strerror)
            await asyncio.sleep(1)  # of many keys, one after another, some at a time


async def _appended(append: Awaitable[None], caller: Caller, unavailable: RingfenceError) -> Stored:
    """Await an append to the spool. unavailable: why the records are not known to be in the database."""
    try:
        await append
    except (StorageUnavailable, OutcomeUnknown) as refusal:
        raise unavailable if isinstance(unavailable, OutcomeUnknown) else refusal from refusal
    return Stored(caller.tenant_id, in_spool=True)


def _signed(credential: Credential, source: SpoolKeySource, record: Fields, now: str) -> bytes:
    return spool_line(credential, source, {**record, "created_at": now})
