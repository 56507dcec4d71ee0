"""A legal hold and a prune or an erasure at the same time: whichever commits first, the other knows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import TestDatabase
from tests.support.old_records import PRUNE, set_terms, stored, value, write
from tests.support.polling import eventually
from tests.support.sealing import seal

HOLD = "SELECT audit.place_hold('acme', 'a case', '1')"
WAITING = "SELECT EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND l.pid = %s)"


@pytest.fixture
def other(database: TestDatabase) -> Iterator[Connection[Any]]:
    """A second session of the same database."""
    with psycopg.connect(database.url("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def due(database: TestDatabase) -> TestDatabase:
    set_terms(database, 200)
    write(database, "201 days", count=3, user_id="alice")
    seal(database)
    return database


@pytest.mark.parametrize(
    ("keeping", "count"), [(PRUNE, 3), ("SELECT erased FROM audit.erase_user('acme', 'alice', 'request')", 3)]
)
def test_a_hold_waits_for_what_is_under_way_and_then_keeps_what_is_left(
    due: TestDatabase, other: Connection[Any], keeping: str, count: int
) -> None:
    with ThreadPoolExecutor() as pool:
        with due.administrator.transaction():
            assert value(due.administrator, keeping) == count
            placed = pool.submit(value, other, HOLD)
            eventually(lambda: value(due.administrator, WAITING, other.info.backend_pid))
        placed.result()
    late = write(due, "201 days", user_id="alice")
    seal(due)
    assert value(due.administrator, keeping) == 0
    assert set(late) <= stored(due)


def test_a_prune_passes_over_a_tenant_for_which_a_hold_is_being_placed(
    due: TestDatabase, other: Connection[Any]
) -> None:
    with other.transaction():
        other.execute(HOLD.encode())
        assert due.execute("SELECT * FROM audit.prune_records()") == [(0, None)]
    assert due.execute("SELECT * FROM audit.prune_records()") == [(0, True)]
    assert len(stored(due)) == 3


def test_an_erasure_waits_for_a_hold_that_is_being_placed_and_respects_it(
    due: TestDatabase, other: Connection[Any]
) -> None:
    erase = "SELECT held FROM audit.erase_user('acme', 'alice', 'request')"
    with ThreadPoolExecutor() as pool:
        with other.transaction():
            other.execute(HOLD.encode())
            held = pool.submit(value, due.administrator, erase)
            eventually(lambda: value(other, WAITING, due.administrator.info.backend_pid))
        assert held.result() == 3


def test_a_call_that_is_broken_off_has_pruned_nothing_and_the_next_one_does(
    database: TestDatabase, other: Connection[Any]
) -> None:
    set_terms(database, 200)
    write(database, "201 days", count=20_000)
    seal(database)
    other.execute("SET statement_timeout = '20ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        other.execute("SELECT audit.prune_records(10000)")
    assert len(stored(database)) == 20_000
    said: list[str] = []
    database.administrator.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    pruned = value(database.administrator, "SELECT pruned FROM audit.prune_records(10000)")
    assert (pruned, said) == (20_000, [])
