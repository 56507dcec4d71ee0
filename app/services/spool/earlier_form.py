"""Takes over a spool of the earlier form, a directory of files of lines, into the SQLite file.

Each file is deleted once its lines are committed. After a crash in between it is taken over again, which is harmless:
a record is stored once under its id. Workers of the earlier release may still run beside this one and begin
new files, so a replay looks again each time. The locks are those of the earlier form.
"""

import fcntl
import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from app.services.spool.sqlite_file import transaction

logger = logging.getLogger("ringfence")

_ACTIVE = "active.jsonl"
_DEAD_LETTERS = "dead-letter.jsonl"


def has_files(directory: Path) -> bool:
    """Whether `directory` holds records or dead letters in files of lines."""
    return next(directory.glob("*.jsonl"), None) is not None


def take_over(directory: Path, connection: sqlite3.Connection) -> None:
    """Take over the files in `directory`, whose lock the caller holds. Raises OSError or sqlite3.Error."""
    # Oldest first: the names of sealed files begin with their time, and the active one was never sealed.
    waiting = [*sorted(directory.glob("????????-????-*.jsonl")), directory / _ACTIVE]
    lines = sum(_take_over(path, connection) for path in waiting)
    dead_letters = _take_over(directory / _DEAD_LETTERS, connection)
    for pattern in ("*.position", "*.unfinished", "known-credentials-*"):
        for path in directory.glob(pattern):
            path.unlink(missing_ok=True)
    if lines or dead_letters:
        logger.warning("took over %d records and %d dead letters from files of the spool", lines, dead_letters)


def _take_over(path: Path, connection: sqlite3.Connection) -> int:
    """Move the lines of one file; return how many."""
    statement = "INSERT INTO waiting (tenant, created_at, line) VALUES (?, ?, ?)"
    if path.name == _DEAD_LETTERS:
        statement = "INSERT OR IGNORE INTO dead_letters (tenant, created_at, record) VALUES (?, ?, rtrim(?, char(10)))"
    with suppress(FileNotFoundError), path.open("rb") as file:
        # Held until the file is deleted: a worker that waits for it begins a new file then.
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError, ValueError):
            file.seek(int(path.with_suffix(".position").read_text()))
        with transaction(connection):
            taken = connection.executemany(statement, _rows(path, file)).rowcount
        path.unlink()
        return taken
    return 0


def _rows(path: Path, file: BinaryIO) -> Iterator[tuple[str, str, bytes]]:
    """Yield tenant, time and text of each line."""
    for line in file:
        if path.name == _ACTIVE and not line.endswith(b"\n"):
            logger.warning("the spool ended with half a line, which was never acknowledged")
            return
        try:
            record = json.loads(line)
            tenant, created_at = str(record["tenant_id"]), str(record["created_at"])
            (tenant + created_at).encode()  # a lone surrogate has no UTF-8
            yield tenant, created_at, line
        except (ValueError, KeyError, TypeError, RecursionError):
            yield "", datetime.now(UTC).isoformat(), line  # it becomes a dead letter, as any damaged line
