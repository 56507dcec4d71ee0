"""The connection to the spool's file, in a thread of its own, and transactions on it. The file: schema.sql."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SETTINGS, _, _TABLES = Path(__file__).with_name("schema.sql").read_text().partition("-- Made once.\n")
_MAX_LOCK_SECONDS = 10.0
"""Of waiting for another worker's transaction."""
_UNBOUNDED = 1_073_741_823
"""Pages of the largest file that SQLite makes."""


class SqliteFile:
    """One file, and the one thread of this process that uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(1, "spool")
        self._connection: sqlite3.Connection | None = None
        self._opened: os.stat_result | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in the file's thread; return its result. Raises OSError, from sqlite3.Error or not."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._connected()))
        except sqlite3.Error as error:
            raise OSError(None, str(error)) from error

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
            connection.executescript(_SETTINGS)
            if connection.execute("PRAGMA user_version").fetchone() == (0,):
                connection.executescript(_TABLES)
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
def transaction(connection: sqlite3.Connection, max_pages: int = _UNBOUNDED) -> Iterator[None]:
    """Lock the file for writing; commit at the end of the block, or roll back. max_pages: of the file."""
    connection.execute(f"PRAGMA max_page_count = {max_pages:d}")  # a PRAGMA takes no parameters; this is a number
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
