"""The server dies in the middle of a prune, an erasure, a hold or its release: nothing is half done, the next goes on.

A lock of another session stops the call where it writes a table. There the server, or the call's process, is killed.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from tests.retention import books
from tests.support.keeping import ERASER, RETENTION, Keeping, keeping
from tests.support.polling import eventually
from tests.support.sealing_server import REGISTRAR

RECORDS = 2000
_WRITE = """
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, user_id, error, created_at)
SELECT audit.uuid_v7(), %s, 'agent', 'LIVE', 'success', 'user-' || n %% 10, 'none',
       now() - CASE WHEN n <= 1000 THEN interval '400 days' ELSE interval '1 day' END + n * interval '1 second'
FROM generate_series(1, 2000) AS n
"""
# {what is called: (role, statement, the tables that it writes, in this order)}
CALLS = {
    "prune": (
        RETENTION,
        "SELECT audit.prune_records(10000)",
        ("retention", "audit_logs", "seals", "pruned_ids", "trees", "admin_events"),
    ),
    "erase a person": (
        ERASER,
        "SELECT audit.erase_user('acme', 'user-3', 'request', 10000)",
        ("seals", "audit_logs", "trees", "admin_events"),
    ),
    "place a hold": (
        REGISTRAR,
        "SELECT audit.place_hold('acme', 'a court asks', 'case 2', p_user_id => 'user-4')",
        ("legal_holds", "admin_events"),
    ),
    "release a hold": (
        REGISTRAR,
        "SELECT audit.release_hold((SELECT id FROM audit.list_holds('acme') WHERE status = 'held'), 'closed')",
        ("legal_holds", "admin_events"),
    ),
}
POINTS = [
    (call, table, ("the server", "the call's process")[number % 2])
    for call, (_, _, tables) in CALLS.items()
    for number, table in enumerate(tables)
]
_WAITS = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock' AND state = 'active'"


@pytest.fixture(scope="module")
def at() -> Iterator[Keeping]:
    """A trail of which half is due and some of it held; every record is sealed, and signed."""
    with keeping("acme") as at:
        at.query(_WRITE, "acme")
        at.server.seal()
        at.sign()
        at.administer("SELECT audit.set_retention('acme', 200, 200)")
        at.administer("SELECT audit.place_hold('acme', 'a court asks', 'case 1', p_user_id => 'user-5')")
        yield at


def call(at: Keeping, role: str, statement: str) -> None:
    with suppress(psycopg.OperationalError), at.server.connect(role) as caller:
        caller.execute(statement.encode())


def answers(connection: psycopg.Connection[Any]) -> bool:
    with suppress(psycopg.OperationalError):
        connection.execute("SELECT")
        return True
    return False


def is_up(at: Keeping) -> bool:
    with suppress(psycopg.OperationalError), at.server.connect():
        return True
    return False


@pytest.mark.parametrize(("name", "table", "killed"), POINTS, ids=str)
def test_a_call_that_dies_where_it_writes_a_table_has_done_nothing(
    at: Keeping, name: str, table: str, killed: str
) -> None:
    role, statement, _ = CALLS[name]
    before = books.state(at)
    with suppress(psycopg.OperationalError), at.server.connect() as other:
        other.execute("BEGIN")
        other.execute(f"LOCK TABLE audit.{table} IN SHARE MODE")
        thread = threading.Thread(target=call, args=(at, role, statement))
        thread.start()
        ((process,),) = eventually(lambda: at.query(_WAITS, role))
        if killed == "the server":
            at.server.cluster.kill()
        else:
            os.kill(process, signal.SIGKILL)
            eventually(lambda: not answers(other))  # the server ends every session, and recovers
        thread.join()
    if killed == "the server":
        at.server.start()
    eventually(lambda: is_up(at))
    assert books.state(at) == before


def test_after_that_the_next_calls_go_on_and_everything_agrees(at: Keeping) -> None:
    for role, statement, _ in CALLS.values():
        if "release" not in statement:
            call(at, role, statement)
    assert at.prune() == 0  # the call has pruned all but what is held
    books.check(at, RECORDS)
    assert books.counted(at, "records pruned") == 900
    assert books.counted(at, "person erased") == 100
    assert at.count("SELECT count(*) FROM audit.legal_holds WHERE released_at IS NULL") == 2
    books.check_evidence(at)
