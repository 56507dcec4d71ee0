"""Terms that somebody tries to shorten or to get round: by the time zone, or by changing them at the right moment."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import CreateRole, TestDatabase
from tests.support.held_up import blocked, held_up
from tests.support.old_records import PRUNE, set_terms, sqlstate, stored, value, write
from tests.support.polling import eventually
from tests.support.sealing import seal
from tests.support.time_zones import zone


@pytest.fixture
def retention(database: TestDatabase, create_role: CreateRole) -> Iterator[Connection]:
    url = database.url(create_role(member_of=("audit_retention",)))
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("hours", [0, 150, -150])
def test_a_day_of_a_term_has_24_hours_whatever_time_zone_the_session_has_made_up(
    database: TestDatabase, retention: Connection, hours: int
) -> None:
    set_terms(database, 183)
    kept = write(database, "182 days 23 hours 59 minutes")
    write(database, "183 days 1 minute")
    seal(database)
    retention.execute(b"SELECT set_config('TimeZone', %s, false)", [zone(timedelta(days=183), hours)])
    assert value(retention, "SELECT due FROM audit.count_due_records()") == 1
    assert value(retention, PRUNE) == 1
    assert stored(database) == set(kept)


def test_terms_that_are_lengthened_before_a_tenant_s_turn_comes_hold_in_the_same_call(
    database: TestDatabase, retention: Connection
) -> None:
    set_terms(database, 200)
    kept = write(database, "201 days")
    gone = write(database, "301 days")
    seal(database)
    with ThreadPoolExecutor() as pool, held_up(database, "lock_tree_to_keep", "acme") as lock:
        pruned = pool.submit(value, retention, PRUNE)
        eventually(lambda: blocked(database))
        set_terms(database, 300)
        lock.rollback()
        assert pruned.result() == len(gone)
    assert stored(database) == set(kept)


def test_terms_are_not_changed_while_the_tenant_s_records_are_deleted(
    database: TestDatabase, retention: Connection
) -> None:
    set_terms(database, 200)
    write(database, "201 days")
    seal(database)
    with retention.transaction():
        assert value(retention, PRUNE) == 1
        with database.administrator.transaction():
            database.execute("SET LOCAL lock_timeout = '100ms'")
            assert sqlstate(database.administrator, "SELECT audit.set_retention('acme', 300, NULL)") == "55P03"
    set_terms(database, 300)


def test_a_term_that_is_taken_back_in_the_middle_of_a_pass_ends_the_pass(
    database: TestDatabase, retention: Connection
) -> None:
    set_terms(database, 200, 10)
    write(database, "201 days", count=5001)  # one more than a batch
    seal(database)
    assert value(retention, "SELECT pruned FROM audit.prune_records(1)") == 5000
    set_terms(database, None, 10)
    write(database, "11 days", mode="DRY_RUN", count=3)
    seal(database)
    assert value(retention, PRUNE) == 3
    assert len(stored(database)) == 1
