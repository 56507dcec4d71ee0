"""Build the indexes of db/indexes while the service writes: a step of app/migrate.py, outside of its transaction.

CREATE INDEX CONCURRENTLY cannot be part of a transaction, so each statement is one of its own. What fails leaves an
index that is marked as invalid; the next run drops it and builds it again. An index that is there and valid is left
alone.
"""

import time
from pathlib import Path
from typing import Any

import psycopg2
import sqlparse

_MAX_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.1


class IndexBuildFailed(Exception):
    """An index was not built; the message says which, why, and what to do. Indexes before it stay."""


class AnotherMigration(Exception):
    """Another migration of this database did not end in time."""


def lock(cursor: Any, directory: Path) -> None:
    """Make this session the only one that migrates the database; the lock ends with the session.

    cursor: of a connection in autocommit mode, so that nothing is held between two attempts. Raises AnotherMigration.
    """
    attempt = (directory / "bootstrap" / "migration_lock.sql").read_text()
    give_up = time.monotonic() + _MAX_WAIT_SECONDS
    while True:
        cursor.execute(attempt)
        if cursor.fetchone()[0]:
            return
        if time.monotonic() >= give_up:
            raise AnotherMigration("another migration of this database is running: run it again when that has ended")
        time.sleep(_POLL_SECONDS)


def missing(cursor: Any, directory: Path) -> list[str]:
    """Return the files of db/indexes whose index is not there or not valid, relative to db/."""
    cursor.execute((directory / "bootstrap" / "built_indexes.sql").read_text())
    return _without(dict(cursor.fetchall()), directory)


def build(cursor: Any, directory: Path) -> list[str]:
    """Build what is missing and return its files. Without the table, which a migration is about to create: nothing.

    cursor: as for lock(), whose lock it must have. Raises IndexBuildFailed.
    """
    cursor.execute((directory / "bootstrap" / "built_indexes.sql").read_text())
    if not (found := dict(cursor.fetchall())) or not (todo := _without(found, directory)):
        return []
    cursor.execute((directory / "bootstrap" / "index_session.sql").read_text())
    for path in todo:
        try:
            for statement in sqlparse.split((directory / path).read_text()):
                cursor.execute(statement)
        except psycopg2.Error as error:
            raise IndexBuildFailed(f"db/{path}: {error}".rstrip() + "; run the migration again") from error
    return todo


def _without(found: dict[str, bool], directory: Path) -> list[str]:
    files = sorted((directory / "indexes").glob("*.sql"))
    return [f"indexes/{file.name}" for file in files if not found.get(file.stem)]
