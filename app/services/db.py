"""The connection pool, a tenant's transaction in one round trip, and db_ping().

Nothing here decides who may see what: the policies in db/policies do. The statements are in app/services/calls.py.
"""

import asyncio
import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString, NamedTuple, TypeVar
from weakref import WeakSet

from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from app.model.credential import ApiKey, Credential
from app.services import calls
from app.services.audit_logger import Health
from app.services.concurrency.deadline import with_deadline
from app.services.round_trip import Statement, rows_together, run_together

Parameters = Mapping[str, Any]
Call = Callable[[LiteralString, Parameters], Awaitable[Any]]
Result = TypeVar("Result")

MAX_SECONDS = 14.0
"""Of one round trip. The server ends a statement after 15 seconds (db/bootstrap/roles.sql); this is for a server that
does not answer at all, where cancelling takes up to ten seconds more."""
MAX_WRITE_SECONDS = 5.0
"""Of a round trip that other requests are queued behind."""
# libpq's limits for a network that swallows packets, in seconds, the last in milliseconds. DATABASE_URL overrides them.
_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}


class WalPosition(NamedTuple):
    """How far a server is in the write-ahead log.

    database: the same on a primary and its standbys. position: bytes that are written, or replayed on a standby.
    """

    database: str
    position: int
    is_standby: bool


class StaleConnection(errors.OperationalError):
    """The connection died while it was idle in the pool, so nothing was sent over it."""


class Database:
    """The pool of one PostgreSQL database. Its methods raise psycopg.Error, PoolTimeout and TimeoutError."""

    _RESET: tuple[Statement, ...] = tuple((statement, {}) for statement in calls.RESET)

    def __init__(self, database_url: str, *, pool_size: int, pool_timeout: float, reads_only: bool = False) -> None:
        """pool_size: maximum of connections; pool_timeout: seconds that a request is blocked until one is free.

        database_url: has passed app/database_url.py. reads_only: it is a standby. Nothing is connected yet.
        """
        given = conninfo_to_dict(database_url)
        # autocommit: each transaction is begun explicitly, and no read leaves one open.
        # prepare_threshold: no statement is kept under a name. SQL injected into one request could replace it, and
        # would be handed the keys of later requests on the same connection.
        self._options: dict[str, Any] = {
            **{name: value for name, value in _NETWORK.items() if name not in given},
            "autocommit": True,
            "prepare_threshold": None,
            "application_name": "ringfence",
            "client_encoding": "utf8",
        }
        self._url = database_url
        self.begin = calls.BEGIN_READ_ONLY if reads_only else calls.BEGIN
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
        self._clean: WeakSet[AsyncConnection] = WeakSet()
        """Connections whose last transaction ended with RESET."""

    async def open(self) -> None:
        """Begin to connect. Returns at once, whether or not the database is available."""
        await self._pool.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def connect(self, application_name: str = "ringfence") -> AsyncConnection:
        """Return a dedicated connection, outside the pool. application_name: what pg_stat_activity shows."""
        options = {**self._options, "connect_timeout": 2, "application_name": application_name}
        return await AsyncConnection.connect(self._url, **options)

    def connections(self) -> dict[str, int]:
        """Return how many connections are used and idle, and how many requests are blocked until one is free."""
        stats = self._pool.get_stats()
        idle = stats.get("pool_available", 0)
        return {"used": stats.get("pool_size", 0) - idle, "idle": idle, "waited_for": stats.get("requests_waiting", 0)}

    async def replace_connections(self, *, even_live_ones: bool) -> None:
        """Replace the idle connections that are dead, or all of them."""
        with suppress(TimeoutError):
            work = self._pool.drain() if even_live_ones else self._pool.check()
            await with_deadline(work, MAX_WRITE_SECONDS)

    async def call(
        self, credential: Credential | None, statement: LiteralString, parameters: Parameters
    ) -> tuple[str, Any]:
        """Run one statement in a transaction for the tenant of `credential`; return the tenant's id and its one value.

        One round trip: BEGIN, entering the tenant, the statement, COMMIT and RESET leave together. When one fails the
        server skips what follows, COMMIT too, and the pool rolls back. Without a credential the tenant's id is "": the
        statement enters its tenants itself.
        """
        enter = [] if credential is None else [_entry(credential)]
        async with self._connection() as connection:
            values = await run_together(
                connection,
                [(self.begin, {}), *enter, (statement, parameters), (calls.COMMIT, {}), *self._RESET],
            )
            self._clean.add(connection)
        return values[1] if enter else "", values[1 + len(enter)]

    async def call_many(self, credential: Credential, work: Callable[[Call], Awaitable[Result]]) -> tuple[str, Result]:
        """Run `work` in one transaction for the tenant of `credential`; return the tenant's id and its result.

        `work` gets a function that runs one statement, in a round trip of its own, and returns its one value. What
        `work` stored is committed when this returns.
        """
        tenant_id = ""

        async def call(statement: LiteralString, parameters: Parameters) -> Any:
            nonlocal tenant_id
            async with asyncio.timeout(MAX_SECONDS):
                # The tenant is entered again with each statement: its proof lasts five seconds.
                async with connection.pipeline():
                    tenant = await connection.execute(*_entry(credential))
                    result = await connection.execute(statement, parameters)
                tenant_id = await _value(tenant)
                return await _value(result)

        async with self._connection() as connection:
            async with asyncio.timeout(MAX_SECONDS):
                await connection.execute(self.begin)
            value = await work(call)
            async with asyncio.timeout(MAX_SECONDS):
                await connection.execute(calls.COMMIT)
        return tenant_id, value

    async def copy_export(self, credential: Credential, state: str) -> list[tuple[bytes, str | None]]:
        """Return the next part of an export: rows of lines and the state after them. Cancelling cancels the COPY."""
        async with self._connection() as connection:
            # COPY cannot be part of a pipeline.
            async with connection.pipeline():
                await connection.execute(self.begin)
                await connection.execute(*_entry(credential))
                await connection.execute(calls.CONTINUE_EXPORT, {"state": state})
            async with connection.cursor().copy(calls.COPY_EXPORT) as copy:
                copy.set_types(["bytea", "text"])
                rows = [(lines, following) async for lines, following in copy.rows()]
            await connection.execute(calls.COMMIT)
        return rows

    async def db_ping(self, tenant_source: str) -> Health:
        """Time one round trip, and ask for the isolation report. tenant_source: what the preflight found."""
        started = time.perf_counter()
        await self._rows(calls.SCHEMA_VERSION)
        latency_ms = round((time.perf_counter() - started) * 1000, 3)
        found = findings(await self._rows(calls.ISOLATION_REPORT))
        ((source,),) = await self._rows(calls.TENANT_SOURCE)
        if source != tenant_source:
            found.append(f"the role's tenants come from {source} by now: restart the service")
        return Health(latency_ms, "broken" if found else "intact", found)

    async def space_used(self) -> list[tuple[Any, ...]]:
        """Return the rows of audit.space_used()."""
        return await self._rows(calls.SPACE_USED)

    async def wal_position(self) -> WalPosition:
        """Return what audit.wal_position() says of the server."""
        (row,) = await self._rows(calls.WAL_POSITION)
        return WalPosition(*row)

    async def _rows(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        async with self._connection() as connection:
            _, rows, *_ = await rows_together(
                connection, [(self.begin, {}), (statement, {}), (calls.COMMIT, {}), *self._RESET]
            )
            self._clean.add(connection)
        return rows

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with self._pool.connection() as connection:
            # A readable idle connection has been closed by the server.
            idle = select.poll()
            idle.register(connection.fileno(), select.POLLIN)
            if idle.poll(0):
                await connection.close()
                raise StaleConnection
            yield connection

    async def _forget(self, connection: AsyncConnection) -> None:
        """Clear the session before the pool hands the connection to the next request. On failure it is closed.

        SQL injected into one request could otherwise leave settings for the next: a client_encoding that falsifies
        records, a server log that stores the keys.
        """
        if connection in self._clean:
            self._clean.remove(connection)
        else:
            await connection.execute(calls.FORGET)


def findings(report: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return what the rows of audit.isolation_report() find against the role's isolation."""
    return [f"{rule}: {finding}" for rule, intact, finding in report if not intact]


def _entry(credential: Credential) -> Statement:
    if isinstance(credential, ApiKey):
        return calls.ENTER_TENANT, {"api_key": credential.secret, "tenant_id": credential.tenant_id}
    return calls.SET_TENANT, {"tenant_id": credential.tenant_id}


async def _value(result: AsyncCursor[Any]) -> Any:
    (value,) = await result.fetchone()  # type: ignore[misc]
    return value
