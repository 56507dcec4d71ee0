"""The audit trail in the database, with the spool for the time when that is away.

Only records that say what has happened already may wait there: what must be on record before something happens (an
agent is called, records are shown) is refused instead.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import UUID

from app.model.credential import Caller, Credential, SpoolKeySource
from app.model.query import AdminEventsQuery, ExportQuery, ListQuery
from app.model.record import AuditEvent
from app.model.record_rules import as_stored, refuse_broken_rule
from app.model.refusals import DatabaseUnavailable, OutcomeUnknown, RefusedToServe, RingfenceError, StorageUnavailable
from app.services.audit_logger import Health, ReplayableAuditLogger, Stored, StoreState
from app.services.batch import Batch
from app.services.jsonl.reading import Record
from app.services.known_credentials import TRUSTED_SECONDS, KnownCredentials, spooled_tenant
from app.services.known_credentials_file import KnownCredentialsFile
from app.services.spool.lines import spool_line
from app.services.spool.queue import Line, Spool
from app.services.spool.replay import Replay
from app.services.spool.statistics import SpoolStatistics

logger = logging.getLogger("ringfence")

_BETWEEN_COPIES = 60.0
"""Seconds after which it is written to the disk anew when known credentials were used last."""


class SpoolingAuditLogger:
    """An AuditLogger that keeps records on the disk while its database is away, and replays them afterwards."""

    def __init__(self, database: ReplayableAuditLogger, known: KnownCredentials, spool: Spool) -> None:
        self._database = database
        self._spool = spool
        self._is_usable = False
        self._known = known
        self._known_file = KnownCredentialsFile(spool.directory, TRUSTED_SECONDS)
        self._earlier_tenant_source = ""
        self._replay = Replay(spool, database.replay, lambda: database.database_state == "up")
        self._statistics = SpoolStatistics(spool)
        self._background: list[asyncio.Task[None]] = []

    async def write_log(self, credential: Credential, event: AuditEvent, *, allow_spool: bool = True) -> Stored:
        """See AuditLogger."""
        try:
            return await self._database.write_log(credential, event)
        except (DatabaseUnavailable, OutcomeUnknown) as away:
            tenant_id = self._tenant_of(credential) if allow_spool else None
            if tenant_id is None:
                raise
            record = as_stored(tenant_id, event.fields())
            refuse_broken_rule(record)
            try:
                await self._spool.append(tenant_id, self._line(credential, record))
            except RingfenceError as refusal:
                raise away if isinstance(away, OutcomeUnknown) else refusal from refusal
            return Stored(tenant_id, in_spool=True)

    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        """See AuditLogger. None may wait with an Idempotency-Key, which the database keeps, or a time of its own."""
        try:
            return await self._database.write_logs(credential, batch, idempotency_key)
        except (DatabaseUnavailable, OutcomeUnknown) as away:
            allow_spool = idempotency_key is None and not batch.is_import
            tenant_id = self._tenant_of(credential) if allow_spool else None
            if tenant_id is None:
                raise
            try:
                await self._spool.append_all(tenant_id, self._lines(credential, tenant_id, batch))
            except StorageUnavailable as refusal:
                raise away if isinstance(away, OutcomeUnknown) else refusal from refusal
            return Stored(tenant_id, in_spool=True)

    async def identify(self, credential: Credential, source: str) -> Caller:
        """See AuditLogger."""
        return await self._database.identify(credential, source)

    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """See AuditLogger. What waits in the spool is not in the list."""
        return await self._database.read_logs(credential, query)

    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        """See AuditLogger. What waits in the spool is not found."""
        return await self._database.read_log(credential, record_id)

    async def may_read(self, credential: Credential) -> str:
        """See AuditLogger."""
        return await self._database.may_read(credential)

    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        """See AuditLogger. What waits in the spool is not exported."""
        return await self._database.begin_export(credential, query)

    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        """See AuditLogger."""
        return await self._database.read_admin_events(credential, query)

    @property
    def tenant_source(self) -> str:
        """See AuditLogger. Until the database has been reached, what it said to an earlier worker."""
        return self._database.tenant_source or self._earlier_tenant_source

    @property
    def database_state(self) -> str:
        """See AuditLogger."""
        return self._database.database_state

    async def state(self) -> StoreState:
        """See AuditLogger."""
        if not self._is_usable:
            return await self._database.state()
        waiting = await asyncio.to_thread(self._statistics.read)
        return replace(await self._database.state(), waiting=waiting, spool_max_bytes=self._spool.most_bytes)

    async def db_ping(self) -> Health:
        """See AuditLogger."""
        return await self._database.db_ping()

    async def open(self) -> None:
        """See AuditLogger."""
        await self._database.open()
        try:
            await self._spool.open()
        except RefusedToServe as refusal:
            # A deploy goes through all the same. Records get 503 while the database is away, as they would without it.
            logger.error("no record can wait while the database is away: %s", refusal)
        else:
            self._is_usable = True
            self._earlier_tenant_source, known = await asyncio.to_thread(self._known_file.read)
            self._known.restore(known)

    def start(self) -> None:
        """See AuditLogger. Replays what an earlier process has left, too."""
        self._database.start()
        if not self._is_usable:
            return
        self._background = [
            asyncio.create_task(each) for each in (self._replay.watch(), self._set_clock(), self._keep_known())
        ]

    async def close(self) -> None:
        """See AuditLogger. A replay is cut short; the next start goes on with it."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._spool.close()
        await self._database.close()

    def _tenant_of(self, credential: Credential) -> str | None:
        if not self._is_usable:
            return None
        caller = self._known.trusted(credential)
        return spooled_tenant(caller, credential, self._spool.clock.now()) if caller else None

    def _line(self, credential: Credential, record: Record) -> Line:
        caller = self._known.trusted(credential)
        assert caller is not None  # it has just been known
        return partial(_signed, credential, caller.spool_key_source, record)

    async def _set_clock(self) -> None:
        while True:
            if self.database_state == "up":
                self._spool.clock.set()
            await asyncio.sleep(1)

    def _lines(self, credential: Credential, tenant_id: str, batch: Batch) -> Iterator[Line]:
        """Yield the lines of `batch`; raise InvalidRequest at the first record that is refused."""
        for position, sent in batch.records():
            record = as_stored(tenant_id, sent)
            with batch.at(position):
                refuse_broken_rule(record)
            yield self._line(credential, record)
        if batch.refusal is not None:
            raise batch.refusal

    async def _keep_known(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._known.has_new.wait(), _BETWEEN_COPIES)
            self._known.has_new.clear()
            # Nobody is known anew without the database, and the copy of an earlier worker must not grow younger.
            if self.database_state == "up":
                try:
                    await asyncio.to_thread(self._known_file.write, self.tenant_source, self._known.accepted())
                except OSError as error:
                    logger.warning("known credentials cannot be written to the disk: %s", error.strerror)
            await asyncio.sleep(1)  # where keys come one after the other


def _signed(credential: Credential, source: SpoolKeySource, record: Record, now: str) -> bytes:
    return spool_line(credential, source, {**record, "created_at": now})
