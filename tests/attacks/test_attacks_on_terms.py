"""Terms that somebody tries to shorten."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import CreateRole, TestDatabase
from tests.support.keeping import PRUNE, set_terms, stored, value, write
from tests.support.sealing import seal


@pytest.fixture
def retention(database: TestDatabase, create_role: CreateRole) -> Iterator[Connection]:
    url = database.url(create_role(member_of=("audit_retention",)))
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def place(hours: int) -> str:
    """Return a time zone whose clocks are set back by so many hours for some weeks half a year ago."""
    border = datetime.now(UTC) - timedelta(days=183)
    first, last = border - timedelta(days=20), border + timedelta(days=20)
    return f"SET TimeZone = '<A>0<B>{hours},{first.timetuple().tm_yday - 1},{last.timetuple().tm_yday - 1}'"


@pytest.mark.parametrize("hours", [0, 150, -150])
def test_a_day_of_a_term_has_24_hours_whatever_time_zone_the_session_has_made_up(
    database: TestDatabase, retention: Connection, hours: int
) -> None:
    set_terms(database, 183)
    kept = write(database, "182 days 23 hours 59 minutes")
    write(database, "183 days 1 minute")
    seal(database)
    retention.execute(place(hours).encode())
    assert value(retention, "SELECT due FROM audit.count_due_records()") == 1
    assert value(retention, PRUNE) == 1
    assert stored(database) == set(kept)
