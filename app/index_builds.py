"""Build the indexes of db/indexes while the service writes: a step of app/migrate.py, outside of its transaction.

CREATE INDEX CONCURRENTLY cannot be part of a transaction, so each statement is one of its own. What fails leaves an
index that is marked as invalid; the next run drops it and builds it again. So it does with an index of that name that
db/schema.sql defines otherwise. An index that is there, valid and as defined is left alone; a comment that a killed
build left out is set. An index of a column that the table does not have yet waits for the schema files.
"""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg2
import sqlparse

from app.terminal_text import printable

_MAX_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.1
_SAY_EVERY_SECONDS = 5.0


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


def pending(cursor: Any, directory: Path) -> tuple[list[str], list[str]]:
    """Return two lists of files of db/indexes, relative to db/: indexes to build, and built ones without a comment.

    An index is to be built when it is not there, not valid, or has another definition than db/schema.sql.
    """
    return _pending(_found(cursor, directory), directory)


def build(cursor: Any, url: str, directory: Path) -> tuple[list[str], list[str]]:
    """Build what is pending and return it, but for what a migration is about to make possible: its table, its columns.

    cursor: as for lock(), whose lock it must have. url: of the same database, for a second connection, which sees what
    the first waits for. Raises IndexBuildFailed.
    """
    if not (found := _found(cursor, directory)):
        return [], []
    to_build, to_comment = _pending(found, directory)
    to_build = [path for path in to_build if _columns(path, directory) <= found.columns]
    if to_build or to_comment:
        cursor.execute((directory / "bootstrap" / "index_session.sql").read_text())
        with _waits_said(cursor.connection.info.backend_pid, url, directory):
            for path in [*to_build, *to_comment]:
                _run(cursor, path, directory, comment_alone=path in to_comment)
    return to_build, to_comment


def _run(cursor: Any, path: str, directory: Path, *, comment_alone: bool) -> None:
    try:
        for statement in sqlparse.split((directory / path).read_text()):
            if not comment_alone or statement.startswith("COMMENT"):
                cursor.execute(statement)
    except psycopg2.Error as error:
        raise IndexBuildFailed(f"db/{path}: {error}".rstrip() + "; run the migration again") from error


@contextmanager
def _waits_said(pid: int, url: str, directory: Path) -> Iterator[None]:
    """Look every five seconds for what session `pid` waits for, and say it on stderr, each transaction once."""
    ended = Event()

    def look() -> None:
        said: set[str] = set()
        while not ended.wait(_SAY_EVERY_SECONDS):
            # Without a connection to spare, the build goes on and nothing is said.
            with suppress(psycopg2.Error), closing(psycopg2.connect(url, connect_timeout=5)) as connection:
                cursor = connection.cursor()
                cursor.execute((directory / "bootstrap" / "index_waits.sql").read_text(), {"pid": pid})
                new = {line for (line,) in cursor.fetchall()} - said
                said.update(new)
                for line in sorted(new):
                    print(printable(line), file=sys.stderr, flush=True)

    thread = Thread(target=look, name="index-waits")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class _Found:
    """The table as it is.

    indexes: for each, whether it is valid and as this release defines it, and whether it has a comment.
    """

    indexes: dict[str, tuple[bool, bool]]
    columns: set[str]

    def __bool__(self) -> bool:
        return bool(self.indexes)


def _found(cursor: Any, directory: Path) -> _Found:
    cursor.execute((directory / "bootstrap" / "built_indexes.sql").read_text())
    defined = set((directory / "schema.sql").read_text().splitlines())
    indexes, columns = {}, set[str]()
    for name, is_valid, definition, has_comment, columns_of_table in cursor.fetchall():
        indexes[name] = (is_valid and definition in defined, has_comment)
        columns.update(columns_of_table)
    return _Found(indexes, columns)


def _columns(path: str, directory: Path) -> set[str]:
    """Return the columns of the index of a file of db/indexes."""
    (listed,) = re.findall(r"ON audit\.audit_logs \(([^()]*)\)", (directory / path).read_text())
    return {column.split()[0] for column in listed.split(", ")}


def _pending(found: _Found, directory: Path) -> tuple[list[str], list[str]]:
    to_build, to_comment = [], []
    for file in sorted((directory / "indexes").glob("*.sql")):
        is_built, has_comment = found.indexes.get(file.stem, (False, False))
        if not is_built:
            to_build.append(f"indexes/{file.name}")
        elif not has_comment:
            to_comment.append(f"indexes/{file.name}")
    return to_build, to_comment
