"""Making the records that are there to be read, as quickly as two cores can: ten million have to fit in the time.

Two sessions insert pieces in turn, and the indexes are built afterwards, two at a time. Pieces rather than halves, so
that the records lie in the table, and their keys in the primary key, about in the order of their time: as in a table
that was written over the years.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

SESSIONS = 2
PIECE = 100_000
INSERT = (Path(__file__).parent / "sql" / "records.sql").read_text()
INDEXES = """
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    FROM pg_index AS i
    WHERE i.indrelid = 'audit.audit_logs'::regclass AND NOT i.indisprimary
    ORDER BY i.indnkeyatts
"""  # the one on the trace alone first: it takes the longest


def make_records(url: str, records: int) -> None:
    """Insert `records` records into the database at `url`, which is a superuser's, and make it ready to be read."""

    def run(statement: str) -> None:
        _run(url, statement)

    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute(INDEXES).fetchall()
    run(";".join(f"DROP INDEX {name}" for name, _ in indexes))
    with ThreadPoolExecutor(SESSIONS) as sessions:
        list(sessions.map(run, _inserts(records)))
        list(sessions.map(run, (definition for _, definition in indexes)))
    run("VACUUM (ANALYZE) audit.audit_logs")
    run("CHECKPOINT")


def make_fresh_records(url: str, records: int) -> None:
    """Insert them as a bulk load does: into the indexes as they are, and without statistics, now or later."""
    # An index that is built, VACUUM and ANALYZE would each tell the planner about the table.
    _run(url, "ALTER TABLE audit.audit_logs SET (autovacuum_enabled = off)")
    for insert in _inserts(records):
        _run(url, insert)
    _run(url, "CHECKPOINT")


def _inserts(records: int) -> Iterator[str]:
    for first in range(1, records + 1, PIECE):
        yield INSERT.replace(":first", str(first)).replace(":last", str(min(first + PIECE - 1, records)))


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET max_parallel_maintenance_workers = 0")  # both cores are at work as it is
        connection.execute(statement.encode())
