"""PostgreSQL: the pool, and transactions in one round trip.

Nothing here decides who may see what; the policies in db/policies do. No query stands here or anywhere in Python but
calls of functions in schema audit, with named parameters.
"""

import asyncio
import logging
import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar
from weakref import WeakSet

from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from app.model.credential import ApiKey, Credential
from app.model.refusals import DatabaseAway, StorageUnavailable
from app.services.concurrency.deadline import bounded
from app.services.postgres.circuit_breaker import Availability
from app.services.postgres.preflight import findings
from app.services.postgres.probe import Probe
from app.services.postgres.retries import LostBeforeUse, Repetition
from app.services.postgres.sqlstates import Refusals

logger = logging.getLogger("ringfence")
# Its kind stands here, since SQL that got into an earlier request may have changed the defaults.
_BEGIN: LiteralString = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"
Result = TypeVar("Result")
# When the server refuses the first statement of a pipeline, psycopg warns that it could not roll back the rest; the
# refusal itself is raised all the same.
logging.getLogger("psycopg").setLevel(logging.ERROR)


Call = Callable[[LiteralString, Mapping[str, Any]], Awaitable[Any]]

MOST_WAITS = 4
"""How often a transaction that could not wait any longer for another's lock is begun again."""
MOST_SECONDS = 14.0
"""Of one round trip. The server ends a statement after 15 (db/bootstrap/roles.sql); this is for one that does not
answer at all, and that takes up to ten more to be told to stop."""
MOST_SECONDS_OF_A_RECORD = 5.0
"""Of a round trip that others wait for."""

# What could change the next request on a connection. It travels with each transaction.
_RESET: tuple[LiteralString, ...] = ("RESET SESSION AUTHORIZATION", "RESET ALL")
# What libpq does about a network that swallows what is sent; DATABASE_URL may say otherwise. In seconds; the last in
# milliseconds.
_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}
# Everything that a session can keep, for connections that were used otherwise or failed.
_FORGET: LiteralString = (
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; DEALLOCATE ALL; UNLISTEN *;"
    " SELECT pg_advisory_unlock_all()"
)


@dataclass(frozen=True, slots=True)
class Ping:
    """What `db_ping` found. latency_ms: milliseconds of one round trip; findings: what is wrong with isolation."""

    latency_ms: float
    findings: list[str]


@dataclass(frozen=True, slots=True)
class TenantTransaction:
    """An open transaction of one tenant. What it returns may be fetched, and believed, after the block has ended."""

    connection: AsyncConnection
    tenant: AsyncCursor[Any]

    async def call(self, statement: LiteralString, parameters: Mapping[str, Any]) -> AsyncCursor[Any]:
        """Send one statement. In a pipeline nothing has run yet when this returns; fetch after the block."""
        return await self.connection.execute(statement, parameters)


class Database:
    """The service's side of one PostgreSQL database."""

    def __init__(
        self, database_url: str, *, pool_size: int, pool_timeout: float, names_refused: str | None = None
    ) -> None:
        """pool_size: connections at the most; pool_timeout: seconds to wait for one. Nothing is connected yet.

        database_url: one that app/database_url.py finds no fault with. names_refused: why no role may be served that
        names its own tenant; None where it may.
        """
        given = conninfo_to_dict(database_url)
        # autocommit: every transaction is begun in so many words, and none is left open by a read.
        # prepare_threshold: no statement is kept under a name. SQL injected into one request could put another in
        # its place, and would be handed the keys of the requests that come later on the same connection.
        self._options: dict[str, Any] = {
            **{name: value for name, value in _NETWORK.items() if name not in given},
            "autocommit": True,
            "prepare_threshold": None,
            "application_name": "ringfence",
            "client_encoding": "utf8",
        }
        self._pool = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=pool_size,
            timeout=pool_timeout,
            # After that the next request that wants a connection tries anew, without ever longer pauses.
            reconnect_timeout=1.0,
            open=False,
            kwargs=self._options,
            reset=self._forget,
        )
        self.pool_size = pool_size
        self.pool_timeout = pool_timeout
        self._probe = Probe(database_url, self._options, _BEGIN, names_refused=names_refused)
        self.refusals = Refusals(self._probe.rules)
        self.availability = Availability(self._probe)
        self._repetition = Repetition(self.availability, self.refusals, self._replace_connections)
        self._reset: WeakSet[AsyncConnection] = WeakSet()
        self._reporting = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and make sure that this database may be served; in an outage, begin without it.

        Then every call raises DatabaseAway until it is there and has passed the same checks. Raises RefusedToServe for
        what waiting does not heal: it has no schema or an older one, gives this role more than it may have, or does not
        let it in (app/services/postgres/outages.py).
        """
        await self.availability.open()
        await self._pool.open()

    def start(self) -> None:
        """Begin to watch whether the database is there."""
        self._watching = asyncio.create_task(self.availability.watch())

    async def close(self) -> None:
        """Close every connection."""
        if self._watching:
            self._watching.cancel()
        await self._pool.close()

    def connections(self) -> dict[str, int]:
        """Return how many connections are in use and idle, and how many requests wait for one."""
        stats = self._pool.get_stats()
        idle = stats.get("pool_available", 0)
        return {"used": stats.get("pool_size", 0) - idle, "idle": idle, "waited_for": stats.get("requests_waiting", 0)}

    @property
    def tenant_source(self) -> str:
        """On whose word a request gets its tenant: `api_key` or `header`; empty until it has been reached."""
        return self._probe.tenant_source

    async def db_ping(self) -> Ping:
        """Ask the database for its version, timed, and whether isolation is intact for this role.

        Raises StorageUnavailable, with the reason, when it cannot be used.
        """
        try:
            async with self._reporting:  # one at a time: a health check that is called often must not take the pool
                started = time.perf_counter()
                await self._rows("SELECT * FROM audit.schema_version()")
                latency_ms = round((time.perf_counter() - started) * 1000, 3)
                found = await findings(self._rows)
                ((tenant_source,),) = await self._rows("SELECT audit.tenant_source()")
        except DatabaseAway as away:
            outage = self.availability.outage
            raise StorageUnavailable(outage.told if outage else away.detail) from away
        if self.tenant_source and tenant_source != self.tenant_source:
            found.append(f"the role's tenants come from {tenant_source} by now: restart the service")
        return Ping(latency_ms, found)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """Take a connection from the pool. Raises LostBeforeUse for one that died there, before anything is sent."""
        async with self._pool.connection() as connection:
            # An idle server says nothing but its last word.
            idle = select.poll()
            idle.register(connection.fileno(), select.POLLIN)
            if idle.poll(0):
                await connection.close()
                raise LostBeforeUse
            yield connection

    async def _replace_connections(self, *, even_live_ones: bool) -> None:
        with suppress(TimeoutError):
            work = self._pool.drain() if even_live_ones else self._pool.check()
            await bounded(work, MOST_SECONDS_OF_A_RECORD)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction, and commit it when the block ends.

        One round trip: BEGIN, what the block sends and COMMIT travel as one pipeline. So nothing inside the block has
        happened, and nothing is known, until the block has ended without an error.
        """
        async with self._connection() as connection:
            async with connection.pipeline():
                # In so many words: connection.transaction() would wait for the server after BEGIN and at the end.
                # When anything fails, the server skips what follows, COMMIT too, and the pool rolls back.
                # Its kind stands here, so that no setting of the database or the role has a say in it.
                await connection.execute(_BEGIN)
                yield connection
                await connection.execute("COMMIT")
                for statement in _RESET:
                    await connection.execute(statement)
            self._reset.add(connection)

    async def _forget(self, connection: AsyncConnection) -> None:
        """Make a connection like new before the pool hands it to the next request; it is closed where that fails.

        SQL that got into one request could otherwise leave settings for the next: a client_encoding that falsifies what
        is stored, a log that takes the keys.
        """
        if connection in self._reset:
            self._reset.remove(connection)
        else:
            await connection.execute(_FORGET)

    @asynccontextmanager
    async def tenant_transaction(self, credential: Credential) -> AsyncIterator[TenantTransaction]:
        """Open a transaction that works for the tenant of `credential`, and commit it when the block ends."""
        async with self.transaction() as connection:
            yield TenantTransaction(connection, await _enter(connection, credential))

    async def call(
        self,
        credential: Credential,
        statement: LiteralString,
        parameters: Mapping[str, Any],
        *,
        writes: bool = False,
        seconds: float = MOST_SECONDS,
    ) -> tuple[str, Any]:
        """Run one statement for the tenant of `credential`; return the tenant's id and the statement's one value.

        Both are committed. Raises RingfenceError: nothing was stored then, or, where it `writes`, OutcomeUnknown.
        """

        async def once() -> tuple[str, Any]:
            async with self.tenant_transaction(credential) as transaction:
                result = await transaction.call(statement, parameters)
            (tenant_id,), (value,) = await transaction.tenant.fetchone(), await result.fetchone()  # type: ignore[misc]
            return tenant_id, value

        return await self._repetition.run(once, seconds=seconds, writes=writes)

    async def copy(
        self,
        credential: Credential,
        preparation: LiteralString,
        parameters: Mapping[str, Any],
        statement: LiteralString,
        types: Sequence[str],
    ) -> list[tuple[Any, ...]]:
        """Run `preparation` and then `statement`, a COPY TO STDOUT in binary, for the tenant of `credential`.

        Returns the rows of the COPY, whose columns have these types: as many as fit in memory, for the statement's
        author to see to. Raises RingfenceError. Cancelled meanwhile, it cancels the COPY.
        """

        async def once() -> list[tuple[Any, ...]]:
            async with self._connection() as connection:
                # COPY cannot be part of a pipeline.
                async with connection.pipeline():
                    await connection.execute(_BEGIN)
                    await _enter(connection, credential)
                    await connection.execute(preparation, parameters)
                async with connection.cursor().copy(statement) as copy:
                    copy.set_types(types)
                    rows = [row async for row in copy.rows()]
                await connection.execute("COMMIT")
            return rows

        return await self._repetition.run(once, seconds=MOST_SECONDS, writes=False)

    async def call_across_tenants(self, statement: LiteralString, parameters: Mapping[str, Any]) -> Any:
        """Run one statement that writes, and enters its tenants itself; return its one value.

        It is committed. Raises RingfenceError: nothing was stored then, but for OutcomeUnknown.
        """

        async def once() -> Any:
            async with self.transaction() as connection:
                result = await connection.execute(statement, parameters)
            (value,) = await result.fetchone()  # type: ignore[misc]
            return value

        return await self._repetition.run(once, seconds=MOST_SECONDS_OF_A_RECORD, writes=True)

    async def call_many(self, credential: Credential, work: Callable[[Call], Awaitable[Result]]) -> tuple[str, Result]:
        """Run `work` in one transaction for the tenant of `credential`; return the tenant's id and its result.

        `work` is given a function that runs one statement and returns its one value; what it has stored is committed
        when this returns. It may be run more than once. Raises RingfenceError: nothing was stored then, but for
        OutcomeUnknown.
        """

        async def once() -> tuple[str, Result]:
            tenant_id = ""

            async def one_round_trip(statement: LiteralString, parameters: Mapping[str, Any]) -> Any:
                nonlocal tenant_id
                # The tenant is entered anew each time: its proof lasts five seconds.
                async with connection.pipeline():
                    tenant = await _enter(connection, credential)
                    result = await connection.execute(statement, parameters)
                (tenant_id,), (value,) = await tenant.fetchone(), await result.fetchone()  # type: ignore[misc]
                return value

            async def call(statement: LiteralString, parameters: Mapping[str, Any]) -> Any:
                async with asyncio.timeout(MOST_SECONDS):
                    return await one_round_trip(statement, parameters)

            async with self._connection() as connection:
                async with asyncio.timeout(MOST_SECONDS):
                    await connection.execute(_BEGIN)
                found = await work(call)
                async with asyncio.timeout(MOST_SECONDS):
                    await connection.execute("COMMIT")
            return tenant_id, found

        async def patiently() -> tuple[str, Result]:
            for _ in range(MOST_WAITS):
                with suppress(errors.LockNotAvailable):
                    return await once()
            return await once()

        return await self._repetition.run(patiently, seconds=None, writes=True)

    async def _rows(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        async def once() -> list[tuple[Any, ...]]:
            async with self.transaction() as connection:  # a standby answers queries, and must not pass
                result = await connection.execute(statement)
            return await result.fetchall()

        return await self._repetition.run(once, seconds=MOST_SECONDS, writes=False)


async def _enter(connection: AsyncConnection, credential: Credential) -> AsyncCursor[Any]:
    if isinstance(credential, ApiKey):
        return await connection.execute(
            "SELECT audit.enter_tenant(p_api_key => %(api_key)s, p_tenant_id => %(tenant_id)s)",
            {"api_key": credential.secret, "tenant_id": credential.tenant_id},
        )
    return await connection.execute(
        "SELECT audit.set_tenant(p_tenant_id => %(tenant_id)s)", {"tenant_id": credential.tenant_id}
    )
