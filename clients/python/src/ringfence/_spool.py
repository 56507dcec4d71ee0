"""The spool: records in a SQLite file on this machine, while the service is unavailable.

It holds what records hold, `user` included, and no key: a row names the public id of the key it was written for, and
is replayed with that key alone, or with another key of the same tenant at the same service.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ringfence._destination import Destination
from ringfence._errors import NotRecorded
from ringfence._records import id_of

MAX_BYTES = 268_435_456
MAX_SECONDS = 604_800.0
"""Seven days: an outage that nobody has noticed by then is no longer bridged."""
_REASON_CHARACTERS = 300
_LOCK_SECONDS = 10
"""How long another connection may hold the file up."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL,
                                    spooled_at REAL NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dead_letters (number INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL,
                                         record TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS keys (key_id TEXT PRIMARY KEY, url TEXT NOT NULL, tenant_id TEXT NOT NULL);
"""
_OURS = """
(key_id = :key_id OR key_id IN (
    SELECT other.key_id FROM keys AS other JOIN keys AS own USING (url, tenant_id) WHERE own.key_id = :key_id))
"""
_WAITING = f"FROM waiting WHERE {_OURS}"
_OTHERS = f"FROM waiting WHERE NOT {_OURS}"
_DEAD_LETTERS = f"FROM dead_letters WHERE {_OURS}"

Row = tuple[int, str]
"""The number of a spooled record, and the record."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that the service refused for good, and that the spool keeps.

    number: its place in the spool's file. id: of the record; ringfence.time_of(id) is when it was made. reason: the
    refusal, in the service's words. record: the JSON that was sent; it may hold personal data, and is not in the repr.
    """

    number: int
    id: str
    reason: str
    record: str = field(repr=False)


def default_path() -> Path:
    """Return $XDG_STATE_HOME/ringfence/spool.sqlite3, by default below ~/.local/state. ValueError without either."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(state).expanduser() / "ringfence" / "spool.sqlite3"
    except RuntimeError:
        raise ValueError("there is no home directory for the spool: name its file, or set XDG_STATE_HOME") from None


class Spool:
    """One file, which several clients and processes may share. Every method may raise NotRecorded, and may block.

    So none is called on an event loop.
    """

    def __init__(self, path: Path, to: Destination, *, max_bytes: int, max_seconds: float) -> None:
        """path: of the file; it is made with the first record. max_bytes: its size, beyond which it takes no more.

        max_seconds: how long the oldest record may have waited for another one to be taken.
        """
        self.path = path
        self._to = to
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._ours = {"key_id": to.key_id}
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def append(self, records: Sequence[str]) -> None:
        """Return once the records are on the disk, all of them; otherwise none is kept."""
        with self._transaction() as connection:
            now = time.time()
            oldest = connection.execute(f"SELECT spooled_at {_WAITING} ORDER BY number LIMIT 1", self._ours).fetchone()
            if oldest and now - oldest[0] > self._max_seconds:
                raise NotRecorded(f"the spool is too old: a record has waited for {(now - oldest[0]) / 3600:.1f} hours")
            connection.executemany(
                "INSERT INTO waiting (key_id, spooled_at, record) VALUES (?, ?, ?)",
                [(self._to.key_id, now, record) for record in records],
            )
            self._check_room(connection)

    def next(self, most: int) -> list[Row]:
        """Return the oldest records that this key may send, `most` at most."""
        with self._transaction() as connection:
            found = connection.execute(
                f"SELECT number, record {_WAITING} ORDER BY number LIMIT :most",
                {"most": most, **self._ours},
            )
            return list(found)

    def let_go(self, rows: Sequence[Row]) -> None:
        """Delete rows: the service has them."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM waiting WHERE number = ? AND record = ?", rows)

    def put_aside(self, record: str, reason: str, number: int | None = None) -> None:
        """Keep a record that the service refuses for good, with the reason, and replay it no more.

        number: of the row in which it waits, where it waits. Without that row, another client has put it aside. A
        record that waits is put aside in a full spool too: one that stayed would hold up all that wait behind it.
        """
        with self._transaction() as connection:
            found = connection.execute("DELETE FROM waiting WHERE number = ?", [number])
            if number is not None and found.rowcount != 1:
                return
            connection.execute(
                "INSERT INTO dead_letters (key_id, record, reason) VALUES (?, ?, ?)",
                (self._to.key_id, record, reason[:_REASON_CHARACTERS]),
            )
            if number is None:
                self._check_room(connection)

    def dead_letters(self) -> list[DeadLetter]:
        """Return the records that were put aside and that this key may send, oldest first."""
        if not self.is_made():
            return []
        with self._transaction() as connection:
            found = connection.execute(f"SELECT number, reason, record {_DEAD_LETTERS} ORDER BY number", self._ours)
            return [DeadLetter(number, id_of(record), reason, record) for number, reason, record in found]

    def resend(self, letter: DeadLetter) -> None:
        """Let a record that was put aside wait again, as the newest. ValueError if it is put aside no more."""
        with self._transaction() as connection:
            found = connection.execute(
                f"SELECT key_id, record {_DEAD_LETTERS} AND number = :number", {"number": letter.number, **self._ours}
            ).fetchone()
            if found is None:
                raise ValueError("the spool has no such dead letter")
            key_id, record = found
            connection.execute("DELETE FROM dead_letters WHERE number = ?", [letter.number])
            connection.execute(
                "INSERT INTO waiting (key_id, spooled_at, record) VALUES (?, ?, ?)", (key_id, time.time(), record)
            )

    def note_tenant(self, tenant_id: str) -> None:
        """Note whose key ours is, so that a later key of the tenant may send what is spooled for ours."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO keys (key_id, url, tenant_id) VALUES (?, ?, ?)",
                (self._to.key_id, self._to.url, tenant_id),
            )

    def count(self) -> int:
        """Return how many records this key may send. It waits for no other connection's transaction."""
        if not self.is_made():
            return 0
        with self._opened() as connection:
            ((count,),) = connection.execute(f"SELECT count(*) {_WAITING}", self._ours)
            return int(count)

    def count_of_others(self) -> dict[str, int]:
        """Return how many records wait that this key may not send, as far as is known, by the ids of their keys."""
        if not self.is_made():
            return {}
        with self._opened() as connection:
            found = connection.execute(f"SELECT key_id, count(*) {_OTHERS} GROUP BY key_id ORDER BY key_id", self._ours)
            return dict(found.fetchall())

    def is_made(self) -> bool:
        """Return whether there is a file yet."""
        return self._connection is not None or self.path.exists()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _check_room(self, connection: sqlite3.Connection) -> None:
        """Raise NotRecorded where the transaction has filled more than the spool may hold.

        SQLite's own limit, max_page_count, would hold for dead letters too, and never below the size the file has had.
        """
        ((size, page_count, free_count),) = connection.execute(
            "SELECT page_size, page_count, freelist_count"
            " FROM pragma_page_size, pragma_page_count, pragma_freelist_count"
        )
        if (page_count - free_count) * size > self._max_bytes:
            raise NotRecorded("the spool is full")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has ended it already
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection = self._connection or self._open()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                # SQLite's words name no value; an OSError's would name the path, with the home directory in it.
                raise NotRecorded(f"the spool cannot be used: {_words(error)}") from error

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made with this mode, and not changed to it: between the two, others could open it. SQLite gives the files
        # beside it, -wal and -shm, the same mode.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        self.path.chmod(0o600)
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=_LOCK_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")  # what was replayed is overwritten
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection


def _words(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
