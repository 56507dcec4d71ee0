"""The store on PostgreSQL: which function is called for what, what shares a commit, and what is limited."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, LiteralString, cast

from typing_extensions import override

from app.model.credential import API_KEY, ApiKey, Caller, Credential
from app.model.record import Record
from app.model.refusals import (
    DatabaseUnavailable,
    InvalidRequest,
    RingfenceError,
    ScopeMissing,
    StorageUnavailable,
    ViewLinksUnavailable,
)
from app.model.storable import refuse_unstorable
from app.model.strict_json import dump
from app.services import calls
from app.services.audit_logger import Health, Outcome, ReplayableAuditLogger, Stored, StoreState
from app.services.batch import Batch
from app.services.concurrency.limiter import Limiter
from app.services.db import MAX_SECONDS, MAX_WRITE_SECONDS, Call, Database, Parameters, WalPosition
from app.services.known_credentials import KnownCredentials
from app.services.postgres.circuit_breaker import CircuitBreaker
from app.services.postgres.key_uses import KeyUses
from app.services.postgres.preflight import Preflight
from app.services.postgres.reads import DatabaseReader
from app.services.postgres.replica import ReadReplica
from app.services.postgres.retries import Retries
from app.services.postgres.sealer import Sealer
from app.services.postgres.sealing_news import SealingNews
from app.services.postgres.shared_commits import Entry, Outcomes, SharedCommits, tenant_of
from app.services.postgres.space import SpaceUsed, sample_space
from app.services.postgres.sqlstates import Diagnosis, refusal_of

_LOCK_FAILURES = ("55P03", "40")  # SQLSTATEs of a lock timeout and of a deadlock


class DatabaseAuditLogger(DatabaseReader, ReplayableAuditLogger):
    """The audit trail in PostgreSQL. The policies decide; this only calls."""

    def __init__(
        self,
        database: Database,
        *,
        names_refused: str | None = None,
        direct: Database | None = None,
        standby: Database | None = None,
        read_max_lag: float = 10.0,
    ) -> None:
        """names_refused: why a role that names its own tenant is not served; None where it may be.

        direct: the same database without the pooler that `database` goes through. standby: of it, for reads.
        read_max_lag: seconds by which it may be behind.
        """
        self._preflight = Preflight(names_refused)
        self._breaker = CircuitBreaker(database.connect, self._preflight)
        self._sealer = Sealer(partial(database.connect, "ringfence-seal"), lambda: self._breaker.is_closed)
        retries = Retries(database, self._breaker, self._preflight.rules)
        known = KnownCredentials(self._describe, lambda: self._breaker.last_contact)
        replica = None
        if standby:
            preflight = Preflight(names_refused, standby.begin)
            replica = ReadReplica(standby, preflight, self._wal_position, max_lag=read_max_lag)
        super().__init__(database, replica, retries, known, KeyUses(self._report_use))
        self._pinging = asyncio.Lock()
        self._background: list[asyncio.Task[None]] = []
        self._commits = SharedCommits(self._write_batch)
        # Limits how many bulk writes hold a pooled connection at once, so that single records always get one. Each
        # holds one for at most 100,000 records, which no caller can prolong: so one tenant may have them all, and the
        # next gets the first that is free.
        bulk = "too many requests with many records are being stored"
        self._bulk = Limiter(
            max(1, database.pool_size // 4), busy=bulk, max_queued=64, max_seconds=3 * database.pool_timeout
        )
        self._news = SealingNews(
            partial((direct or database).connect, "ringfence-feed"), lambda: self._breaker.is_closed
        )
        # Anybody may try a token: made-up ones in any number keep no connection from anything else.
        self._links = Limiter(1, busy="too many view links are being opened", max_queued=64, max_seconds=5.0)

    @override
    async def write_log(self, credential: Credential, record: Record, *, allow_spool: bool = True) -> Stored:
        # A record that cannot even be sent would make its whole batch go one by one.
        refuse_unstorable({**record.fields(), "tenant_id": credential.tenant_id})
        if not self._breaker.is_closed:  # or it would be queued behind writes that are still under way
            raise DatabaseUnavailable("the database is unavailable")
        with self.known.remembering(credential):
            tenant_id = await self._commits.submit(credential, record)
        self._uses.note(credential, "write")
        return Stored(tenant_id)

    async def _write_batch(self, records: Sequence[Entry]) -> Outcomes:
        """Store records of any tenants in one commit; return the tenant or the refusal of each."""
        rows = [_row(position, credential, record) for position, (credential, record) in enumerate(records, 1)]
        parameters = {"records": dump(rows)}
        # The statement enters the tenant of each record itself.
        _, found = await self._call(None, calls.INSERT_AUDIT_LOG_BATCH, parameters, MAX_WRITE_SECONDS, writes=True)
        return [each["tenant_id"] if "tenant_id" in each else self._refusal(Diagnosis(**each)) for each in found]

    def _refusal(self, found: Diagnosis) -> RingfenceError:
        refusal = refusal_of(found, self._preflight.rules)
        # Another transaction is writing a record of this id, or has locked the table. Which of the two is unknown, and
        # so is whether this record could ever be stored: it is not spooled.
        if isinstance(refusal, DatabaseUnavailable) and (found.sqlstate or "").startswith(_LOCK_FAILURES):
            return StorageUnavailable(refusal.detail)
        return refusal

    @override
    async def identify(self, credential: Credential, source: str) -> Caller:
        return await self.known.identify(credential, source)

    async def _describe(self, credential: Credential) -> Caller:
        if not isinstance(credential, ApiKey):
            tenant_id, _ = await self._call(credential, calls.TENANT_SOURCE, {}, MAX_WRITE_SECONDS)
            return Caller(tenant_id, frozenset({"read", "write"}), None)
        parameters = {"api_key": credential.secret}
        _, found = await self._call(credential, calls.DESCRIBE_API_KEY, parameters, MAX_WRITE_SECONDS)
        expires_at = found["expires_at"] and datetime.fromisoformat(found["expires_at"])
        source, restriction = found["spool_key_source"], found["restriction"]
        return Caller(found["tenant_id"], frozenset(found["scopes"]), expires_at, source, restriction)

    @override
    async def open_view_link(self, token: str) -> str | None:
        if self.tenant_source != API_KEY:
            raise ViewLinksUnavailable("tenants are named here, and a view link opens an API key")
        async with self._links.hold(""):
            _, key = await self._call(None, calls.OPEN_VIEW_LINK, {"token": token}, MAX_WRITE_SECONDS, writes=True)
        return cast(str | None, key)

    @override
    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        if batch.is_import and not isinstance(credential, ApiKey):
            raise ScopeMissing("created_at is for an API key with the scope import")
        insert = calls.IMPORT_AUDIT_LOGS if batch.is_import else calls.INSERT_AUDIT_LOGS

        async def work(call: Call) -> str | None:
            if idempotency_key is not None and batch.refusal is None:
                claim = {"key": idempotency_key, "sha256": batch.sha256, "answer": batch.answer}
                earlier = await call(calls.CLAIM_IDEMPOTENCY_KEY, claim)
                if earlier is not None:
                    return str(earlier)
            for chunk in batch.chunks():
                await call(insert, {"records": chunk.records, "first": chunk.first})
            if batch.refusal is not None:
                raise batch.refusal
            return None

        async with self._bulk.hold(tenant_of(credential)):
            try:
                with self.known.remembering(credential):
                    transaction = partial(self._database.call_many, credential, work)
                    tenant_id, earlier_answer = await self._retries.run(
                        transaction, writes=True, seconds=None, retry_locks=True
                    )
            except InvalidRequest as refusal:
                raise refusal if refusal.position is None else batch.placed(refusal, refusal.position) from refusal
        self._uses.note(credential, "import" if batch.is_import else "write")
        return Stored(tenant_id, earlier_answer=earlier_answer)

    @override
    async def replay(self, lines: Sequence[Mapping[str, str]]) -> Sequence[Outcome]:
        parameters = {"records": dump(list(lines))}
        _, outcomes = await self._call(None, calls.REPLAY_AUDIT_LOGS, parameters, MAX_WRITE_SECONDS, writes=True)
        return cast(Sequence[Outcome], outcomes)

    @override
    def next_sealing(self) -> asyncio.Future[None]:
        return self._news.next()

    @property
    @override
    def hears_of_sealing(self) -> bool:
        return self._news.arrives and self._replica is None  # a standby is told later what was sealed

    @property
    @override
    def tenant_source(self) -> str:
        return self._preflight.tenant_source

    @override
    async def db_ping(self) -> Health:
        async with self._pinging:  # one at a time: frequent health checks must not take the pool
            try:
                return await self._retries.run(partial(self._database.db_ping, self.tenant_source), writes=False)
            except DatabaseUnavailable as refusal:
                outage = self._breaker.outage
                raise StorageUnavailable(outage.told if outage else refusal.detail) from refusal

    @property
    @override
    def database_state(self) -> str:
        return "up" if self._breaker.is_closed else "down"

    @override
    async def state(self) -> StoreState:
        return StoreState(self._commits.queued, self._database.connections())

    @override
    async def open(self) -> None:
        await self._breaker.first_check()
        await self._database.open()
        if self._replica:
            await self._replica.open()

    @override
    def start(self) -> None:
        work = [self._breaker.watch(), self._uses.report(), self._sealer.run(), self._news.run()]
        work += [sample_space(self._space_used, lambda: self._breaker.is_closed)]
        work += [self._replica.watch()] if self._replica else []
        self._background = [asyncio.create_task(each) for each in work]

    @override
    async def close(self) -> None:
        await self._commits.drain()
        if self._background:
            await self._uses.drain()
        for task in self._background:
            task.cancel()
        if self._background:  # a check closes the connection that it has made
            await asyncio.wait(self._background, timeout=MAX_WRITE_SECONDS)
        if self._replica:
            await self._replica.close()
        await self._database.close()

    async def _report_use(self, api_key: ApiKey, scope: str) -> None:
        await self._call(api_key, calls.RECORD_API_KEY_USE, {"scope": scope}, MAX_WRITE_SECONDS, writes=True)

    async def _space_used(self) -> list[SpaceUsed]:
        rows = await self._retries.run(self._database.space_used, writes=False)
        return [SpaceUsed(*row) for row in rows]

    async def _wal_position(self) -> WalPosition:
        return await self._retries.run(self._database.wal_position, writes=False, seconds=MAX_WRITE_SECONDS)

    async def _call(
        self,
        credential: Credential | None,
        statement: LiteralString,
        parameters: Parameters,
        seconds: float = MAX_SECONDS,
        *,
        writes: bool = False,
    ) -> tuple[str, Any]:
        call = partial(self._database.call, credential, statement, parameters)
        return await self._retries.run(call, writes=writes, seconds=seconds)


def _row(position: int, credential: Credential, record: Record) -> dict[str, Any]:
    row = {"position": position, "tenant_id": credential.tenant_id, **record.fields()}
    if isinstance(credential, ApiKey):
        row["api_key"] = credential.secret
    return row
