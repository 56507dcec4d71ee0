"""app/services/round_trip.py on a connection of its own: what it returns, refuses, and leaves behind."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, errors
from psycopg.pq import TransactionStatus

from app.services.round_trip import run_together
from tests.conftest import TestDatabase
from tests.support.polling import eventually

Work = Callable[[AsyncConnection], Awaitable[Any]]


@pytest.fixture
def on_a_connection(database: TestDatabase) -> Callable[[Work], Any]:
    """Run a coroutine function with a connection of its own."""

    def run(work: Work) -> Any:
        async def connected() -> Any:
            connection = await AsyncConnection.connect(database.url("audit_app"), autocommit=True)
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(connected())

    return run


def test_each_statement_has_its_first_value(on_a_connection: Callable[[Work], Any]) -> None:
    async def work(connection: AsyncConnection) -> list[Any]:
        return await run_together(
            connection,
            [
                ("BEGIN", {}),
                ("SELECT %(a)s::int + %(a)s::int + %(b)s::int", {"a": 1, "b": 3, "unused": None}),
                ("SELECT %(text)s::text", {"text": None}),
                ("SELECT json_build_object('a', %(text)s::text)", {"text": "ä"}),
                ("SELECT 1 WHERE false", {}),
                ("COMMIT", {}),
            ],
        )

    assert on_a_connection(work) == [None, "5", None, {"a": "ä"}, None, None]


@pytest.mark.parametrize(
    ("time", "stored"),
    [
        (datetime(2026, 11, 30, 2, 0, 0, 1, UTC), "2026-11-30 02:00:00.000001"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23, minutes=59))), "0001-12-31 00:01:00 BC"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=23, minutes=59))), "10000-01-01 23:58:59.999999"),
    ],
)
def test_every_time_of_python_arrives(on_a_connection: Callable[[Work], Any], time: datetime, stored: str) -> None:
    async def work(connection: AsyncConnection) -> list[Any]:
        return await run_together(connection, [("SELECT (%(time)s AT TIME ZONE 'UTC')::text", {"time": time})])

    assert on_a_connection(work) == [stored]


def test_more_than_both_buffers_hold_goes_both_ways(on_a_connection: Callable[[Work], Any]) -> None:
    text = "x" * 5_000_000

    async def work(connection: AsyncConnection) -> list[Any]:
        async with asyncio.timeout(60):
            return await run_together(connection, [("SELECT %(text)s::text", {"text": text})] * 5)

    assert on_a_connection(work) == [text] * 5


def test_what_follows_a_failure_is_skipped_and_the_connection_goes_on(on_a_connection: Callable[[Work], Any]) -> None:
    async def work(connection: AsyncConnection) -> list[Any]:
        with pytest.raises(errors.DivisionByZero) as failure:
            await run_together(connection, [("BEGIN", {}), ("SELECT 1 / 0", {}), ("COMMIT", {}), ("BEGIN", {})])
        assert failure.value.sqlstate == failure.value.diag.sqlstate == "22012"
        assert connection.info.transaction_status == TransactionStatus.INERROR
        await connection.rollback()
        return await run_together(connection, [("SELECT 7", {})])

    assert on_a_connection(work) == ["7"]


@pytest.mark.parametrize(
    ("text", "refusal"), [("a\0b", psycopg.DataError), ("\ud800", UnicodeEncodeError), ("ab", None)]
)
def test_a_text_that_postgresql_has_no_form_for_is_not_sent(
    on_a_connection: Callable[[Work], Any], text: str, refusal: type[Exception] | None
) -> None:
    async def work(connection: AsyncConnection) -> None:
        statements: list[Any] = [("BEGIN", {}), ("SELECT %(text)s::text", {"text": text}), ("COMMIT", {})]
        if refusal is None:
            assert await run_together(connection, statements) == [None, text, None]
        else:
            with pytest.raises(refusal):
                await run_together(connection, statements)
        assert connection.info.transaction_status == TransactionStatus.IDLE

    on_a_connection(work)


def test_broken_off_it_ends_the_statement_and_closes_the_connection(
    on_a_connection: Callable[[Work], Any], database: TestDatabase
) -> None:
    running = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'"

    async def work(connection: AsyncConnection) -> None:
        asleep = asyncio.ensure_future(run_together(connection, [("SELECT pg_sleep(600)", {}), ("SELECT 1", {})]))
        await asyncio.to_thread(eventually, lambda: database.execute(running) == [(1,)])
        asleep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asleep
        assert connection.closed
        await asyncio.to_thread(eventually, lambda: database.execute(running) == [(0,)])

    on_a_connection(work)


def test_the_servers_last_word_is_the_error(on_a_connection: Callable[[Work], Any]) -> None:
    async def work(connection: AsyncConnection) -> None:
        with pytest.raises(errors.AdminShutdown):
            await run_together(connection, [("SELECT pg_terminate_backend(pg_backend_pid())", {}), ("SELECT 1", {})])
        assert connection.closed

    on_a_connection(work)


def test_notifications_are_not_kept(on_a_connection: Callable[[Work], Any]) -> None:
    async def work(connection: AsyncConnection) -> Any:
        await run_together(connection, [("LISTEN loot", {}), ("NOTIFY loot", {}), ("SELECT 1", {})])
        return connection.pgconn.notifies()

    assert on_a_connection(work) is None
