"""python -m app.retain --once, where what is due comes after many records that a hold keeps."""

import pytest

from app import retain
from tests.conftest import CreateRole, TestDatabase
from tests.support.aged_records import kept, write_aged


def test_many_held_records_before_those_that_are_due_do_not_end_it(
    database: TestDatabase, create_role: CreateRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is over after one batch of 5,000 here, and one that does nothing at all would end the command."""
    database.execute("SELECT audit.set_retention('acme', 365, NULL)")
    write_aged(database, days=500, count=16_000, trace_id="held")
    write_aged(database, days=400, count=3)
    database.execute("SELECT audit.place_hold('acme', 'a lawsuit', 'case 7', p_trace_id => 'held')")
    monkeypatch.setenv("RETENTION_DATABASE_URL", database.url(create_role(member_of=("audit_retention",))))
    monkeypatch.setattr("app.retain._MILLISECONDS", 1)
    monkeypatch.setattr("app.retain._MAX_FRUITLESS", 0)
    monkeypatch.setattr("app.retain._MAX_MOVES", 1)
    monkeypatch.setattr("sys.argv", ["retain", "--once"])
    assert (retain.main(), kept(database)) == (1, 16_003)
    database.execute("UPDATE audit.retention SET pass_mode = NULL, pass_time = NULL, pass_id = NULL")
    monkeypatch.setattr("app.retain._MAX_MOVES", 200)
    assert (retain.main(), kept(database)) == (0, 16_000)
