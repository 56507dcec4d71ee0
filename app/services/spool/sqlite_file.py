"""The SQLite file of the spool: its tables, and when a commit is on the disk.

A commit is on the disk before it returns: write-ahead log, synchronous=FULL. Several worker processes share the file,
and SQLite locks it. Pages that a replay has emptied are used again; the file does not become smaller.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PAGE_BYTES = 4096
UNBOUNDED = 1_073_741_823
"""Pages of the largest file that SQLite makes."""
_MAX_LOCK_SECONDS = 10.0
"""Of waiting for another worker's transaction."""

# Triggers count, so that no append reads the whole file, and so that an operator may delete dead letters.
_SCHEMA = """
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 256;
PRAGMA journal_size_limit = 1048576;
PRAGMA temp_store = MEMORY;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, created_at TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dead_letters (
    record TEXT PRIMARY KEY, tenant TEXT NOT NULL, created_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (
    state TEXT, tenant TEXT, records INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (state, tenant))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_credentials (
    worker TEXT, digest BLOB, tenant_source TEXT NOT NULL, tenant_id TEXT NOT NULL, scopes TEXT NOT NULL,
    expires_at TEXT, spool_key_source TEXT NOT NULL, accepted_at REAL NOT NULL, PRIMARY KEY (worker, digest))
    WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS waiting_added AFTER INSERT ON waiting BEGIN
    INSERT INTO usage VALUES ('waiting', new.tenant, 1, length(new.line))
    ON CONFLICT DO UPDATE SET records = records + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS waiting_deleted AFTER DELETE ON waiting BEGIN
    UPDATE usage SET records = records - 1, bytes = bytes - length(old.line)
    WHERE state = 'waiting' AND tenant = old.tenant;
END;
CREATE TRIGGER IF NOT EXISTS dead_letter_added AFTER INSERT ON dead_letters BEGIN
    INSERT INTO usage VALUES ('dead letters', new.tenant, 1, length(new.record))
    ON CONFLICT DO UPDATE SET records = records + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS dead_letter_deleted AFTER DELETE ON dead_letters BEGIN
    UPDATE usage SET records = records - 1, bytes = bytes - length(old.record)
    WHERE state = 'dead letters' AND tenant = old.tenant;
END;
COMMIT;
"""


class SqliteFile:
    """One file, and the one thread of this process that uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(1, "spool")
        self._connection: sqlite3.Connection | None = None
        self._opened: os.stat_result | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, in the file's thread. Raises OSError or sqlite3.Error."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._connected()))

    async def close(self) -> None:
        """Close it; run() opens it again."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)

    def _connected(self) -> sqlite3.Connection:
        """Return the connection; a new one where the file was deleted or replaced, since records would go nowhere."""
        with suppress(FileNotFoundError):
            if self._connection and self._opened and os.path.samestat(self.path.stat(), self._opened):
                return self._connection
        self._close()
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))  # SQLite would make it 0644
        connection = sqlite3.connect(self.path, timeout=_MAX_LOCK_SECONDS, isolation_level=None)
        try:
            connection.executescript(_SCHEMA)
            self._opened = self.path.stat()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


@contextmanager
def transaction(connection: sqlite3.Connection, max_pages: int = UNBOUNDED) -> Iterator[None]:
    """Lock the file for writing; commit at the end of the block, or roll back. max_pages: of the file."""
    connection.execute(f"PRAGMA max_page_count = {max_pages}")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
