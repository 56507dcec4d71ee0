"""Run statements in one round trip: they leave in one write, and their results are read as they come.

psycopg's own pipeline writes each statement by itself and waits for the socket each time. This uses its documented
libpq module, psycopg.pq.
"""

import asyncio
import json
import re
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

Statement = tuple[LiteralString, Mapping[str, Any]]
"""A statement of app/services/calls.py, and its parameters by name: texts, numbers, times, UUIDs or None."""

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_CANCEL_SECONDS = 5.0
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # of PostgreSQL's times
_TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
_JSON = frozenset(psycopg.adapters.types[name].oid for name in ("json", "jsonb"))


async def run_together(connection: AsyncConnection, statements: Sequence[Statement]) -> list[Any]:
    """Run `statements` and return the first value of each: JSON parsed, anything else as text; None where it has none.

    When one fails the server skips those after it. Raises psycopg.Error for the first that failed; the connection can
    be used again unless it is closed, which it is after it was lost, or when this was cancelled. Raises DataError and
    UnicodeEncodeError for a text that PostgreSQL has no form for; then nothing was sent.
    """
    return [_value(result) for result in await _run(connection, statements)]


async def rows_together(connection: AsyncConnection, statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
    """Run `statements` like run_together(), and return all rows of each, with psycopg's types."""
    return [_rows(result) for result in await _run(connection, statements)]


async def _run(connection: AsyncConnection, statements: Sequence[Statement]) -> list[PGresult]:
    queries = []
    for statement, parameters in statements:
        sql, names = _numbered(statement)
        values = [parameters[name] for name in names]
        types = [_TIMESTAMPTZ if isinstance(value, datetime) else 0 for value in values]
        formats = [Format.BINARY if oid else Format.TEXT for oid in types]
        queries.append((sql, [_encoded(value) for value in values], types, formats))
    pgconn = connection.pgconn
    try:
        pgconn.enter_pipeline_mode()
        for query in queries:
            pgconn.send_query_params(*query)
        pgconn.pipeline_sync()
        results = await _results(pgconn)
        pgconn.exit_pipeline_mode()
    except BaseException:
        # What is still under way would be answered to the next request.
        with suppress(psycopg.Error, TimeoutError):
            await connection.cancel_safe(timeout=_CANCEL_SECONDS)
        await connection.close()
        raise
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result)
    return results


async def _results(pgconn: PGconn) -> list[PGresult]:
    """Send what is buffered, and return the results up to the end of the pipeline."""
    results: list[PGresult] = []
    try:
        while pgconn.flush():  # a large request: the server may have to be read from before it reads on
            await _ready(pgconn.socket, to_write=True)
            pgconn.consume_input()
        while True:
            while pgconn.is_busy():
                await _ready(pgconn.socket)
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:  # the end of one statement
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                break
            results.append(result)
    except psycopg.OperationalError:
        # The server's own last word says more than that the connection was lost.
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(result) from None
        raise
    while pgconn.notifies():  # nobody here listens: SQL injected into an earlier request may have
        pass
    return results


async def _ready(socket: int, *, to_write: bool = False) -> None:
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not turn.done():
            turn.set_result(None)

    loop.add_reader(socket, wake)
    if to_write:
        loop.add_writer(socket, wake)
    try:
        await turn
    finally:
        loop.remove_reader(socket)
        loop.remove_writer(socket)


@lru_cache
def _numbered(statement: LiteralString) -> tuple[bytes, list[str]]:
    """Return the statement with libpq's placeholders, $1 and on, and the names of the parameters in that order."""
    names = list(dict.fromkeys(_PLACEHOLDER.findall(statement)))
    return _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", statement).encode(), names


def _encoded(value: Any) -> bytes | None:
    if isinstance(value, datetime):  # in binary: PostgreSQL's text has no offset of 23:59, and Python no year 10000
        return struct.pack(">q", (value - _EPOCH) // timedelta(microseconds=1))
    encoded = None if value is None else str(value).encode()
    if encoded and b"\0" in encoded:  # libpq would end the text there
        raise psycopg.DataError("a text holds a NUL character")
    return encoded


def _rows(result: PGresult) -> list[tuple[Any, ...]]:
    loaders = []
    for column in range(result.nfields):
        oid = result.ftype(column)
        kind = psycopg.adapters.get_loader(oid, Format.TEXT)
        assert kind, "psycopg has a loader for each type that a function here returns"
        loaders.append(kind(oid))
    rows = ([result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples))
    return [
        tuple(None if value is None else loader.load(value) for loader, value in zip(loaders, row, strict=True))
        for row in rows
    ]


def _value(result: PGresult) -> Any:
    if not result.ntuples or (value := result.get_value(0, 0)) is None:
        return None
    return json.loads(value) if result.ftype(0) in _JSON else value.decode()
