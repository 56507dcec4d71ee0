"""The spool: records queued in a SQLite file on the service's disk while the database is unavailable."""

import asyncio
import logging
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.model.refusals import RefusedToServe, StorageUnavailable
from app.services.audit_logger import Spooled
from app.services.concurrency.group_commit import GroupCommit
from app.services.concurrency.limiter import Shares
from app.services.spool.directory import lock, make_directory
from app.services.spool.earlier_form import has_files, take_over
from app.services.spool.sqlite_file import SqliteFile, transaction
from app.telemetry.metrics import SPOOLED

logger = logging.getLogger("ringfence")

Line = Callable[[str], bytes]
"""Makes a line, with its end, of the time when it is written."""

FILE = "spool.sqlite3"
PAGE_BYTES = 4096
MAX_SHARE = 0.75
"""Of what the others leave of the spool: the most that one tenant fills. What is on the disk cannot be taken back."""
_ROW_BYTES = 60
"""Of a row, beside its line."""
_RESERVE_BYTES = 4_194_304
"""Of the disk, which no record takes: on a full disk, SQLite could not even delete the records that were replayed."""
_WAITING = """
SELECT coalesce(sum(records), 0), coalesce(sum(bytes), 0),
       coalesce(max(0.0, 86400 * (julianday('now') - julianday(
           (SELECT created_at FROM waiting ORDER BY id LIMIT 1)))), 0.0)
FROM usage WHERE state = 'waiting'
"""


class SteadyClock:
    """Tells the time that it was last set to and the seconds since, even when the machine's clock is changed."""

    def __init__(self) -> None:
        self.set()

    def set(self) -> None:
        """Take over the machine's time of day."""
        self._set_at = time.monotonic()
        self._time = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._time + timedelta(seconds=time.monotonic() - self._set_at)


class Spool:
    """One directory, for its owner alone, with a file of at most `max_bytes`. Dead letters may make it larger."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.clock = SteadyClock()
        self.file = SqliteFile(directory / FILE)
        self._left: Spooled | None = None
        self._is_failing = False
        self._appends: GroupCommit[tuple[str, Line], None] = GroupCommit(
            self._insert, lambda _: 512, max_items=1024, max_bytes=1_048_576, max_queued=4096
        )

    async def open(self) -> None:
        """Make directory and file where they are missing, and take over a spool of the earlier form.

        Raises RefusedToServe when the directory cannot be used.
        """
        try:
            await asyncio.to_thread(make_directory, self.directory)
            await self.file.run(_check)
            with lock(self.directory) as alone:
                if alone:
                    await self.take_over_files()
        except RefusedToServe as refusal:
            if has_files(self.directory):
                raise RefusedToServe(
                    f"{refusal}; records of an earlier release wait there: move its files too"
                ) from None
            raise
        except OSError as error:
            cause = error.__cause__
            if isinstance(cause, sqlite3.DatabaseError) and not isinstance(cause, sqlite3.OperationalError):
                raise RefusedToServe(
                    f"the spool {self.file.path} is damaged: {cause}; move it away, and read its records with the"
                    " command .recover of sqlite3"
                ) from error
            raise RefusedToServe(
                f"the spool {self.directory} cannot be written: {error.strerror}; name another directory in SPOOL_PATH,"
                " or set SPOOL=false"
            ) from error
        self._left = None

    async def take_over_files(self) -> None:
        """Take over what a worker of the earlier release has left. The caller holds the directory's lock."""
        if has_files(self.directory):
            await self.file.run(lambda connection: take_over(self.directory, connection))

    async def close(self) -> None:
        """Return once the records that were handed over are on the disk, and the file is closed."""
        await self._appends.drain()
        with suppress(OSError):
            self._left = await self.spooled()
        await self.file.close()

    async def append(self, tenant: str, line: Line) -> None:
        """Return once `line` is on the disk. Raises StorageUnavailable when there is no room; it is not kept then."""
        await self._appends.submit(tenant, (tenant, line))
        SPOOLED.inc()

    async def append_all(self, tenant: str, lines: Iterable[Line]) -> None:
        """Return once all of `lines` are on the disk. None is kept when not all fit, which raises StorageUnavailable.

        Nor is any when `lines` raises, and that is raised as well.
        """
        refusals = await self._insert(((tenant, line) for line in lines), all_or_none=True)
        SPOOLED.inc(len(refusals))

    async def next_lines(self, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """Return the oldest lines, each with its number. The last one may exceed `max_bytes`."""

        def select(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
            lines: list[tuple[int, bytes]] = []
            size = 0
            for number, line in connection.execute("SELECT id, line FROM waiting ORDER BY id LIMIT ?", [max_records]):
                lines.append((number, line))
                size += len(line)
                if size >= max_bytes:
                    break
            return lines

        return await self.file.run(select)

    async def let_go(self, lines: Sequence[tuple[int, bytes]], dead_letters: Sequence[tuple[int, str]]) -> None:
        """Delete `lines` as next_lines() returned them: the database has them, or they become dead letters.

        dead_letters: the number of each, and the record with the reason.
        """

        def delete(connection: sqlite3.Connection) -> None:
            with transaction(connection):  # with no bound: a spool that is full must not keep its records for ever
                connection.executemany(
                    "INSERT OR IGNORE INTO dead_letters (record, tenant, created_at)"
                    " SELECT ?2, tenant, created_at FROM waiting WHERE id = ?1",
                    dead_letters,
                )
                # The line as well: in a file that has replaced the one that was read, the number is another record's.
                connection.executemany("DELETE FROM waiting WHERE id = ? AND line = ?", lines)

        await self.file.run(delete)

    async def spooled(self) -> Spooled:
        """Say how much is spooled; of a spool that was closed, how much it held then. Raises OSError."""
        return self._left or Spooled(*await self.file.run(lambda connection: connection.execute(_WAITING).fetchone()))

    async def _insert(
        self, lines: Iterable[tuple[str, Line]], *, all_or_none: bool = False
    ) -> Sequence[StorageUnavailable | None]:
        """Append the lines that there is room for; return for each None, or why it was not kept."""
        refusals: list[StorageUnavailable | None] = []

        def rows(shares: Shares) -> Iterator[tuple[str, str, bytes]]:
            now = self.clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
            for tenant, line in lines:
                text = line(now)
                size = len(text) + _ROW_BYTES
                if shares.may_take(tenant, size):
                    shares.take(tenant, size)
                    refusals.append(None)
                    yield tenant, now, text
                else:
                    full = StorageUnavailable("the database is unavailable, and the spool is full")
                    if all_or_none:
                        raise full
                    refusals.append(full)

        def insert(connection: sqlite3.Connection) -> None:
            with transaction(connection, self._max_pages()):
                connection.executemany(
                    "INSERT INTO waiting (tenant, created_at, line) VALUES (?, ?, ?)", rows(self._shares(connection))
                )

        try:
            await self.file.run(insert)
        except OSError as error:
            if not self._is_failing:  # once, and not for each of thousands
                logger.error("the spool cannot be written: %s", error.strerror)
            self._is_failing = True
            raise StorageUnavailable("the database is unavailable, and the spool cannot be written") from error
        self._is_failing = False
        return refusals

    def _shares(self, connection: sqlite3.Connection) -> Shares:
        """Return how much each tenant holds, and with that how much more it may.

        Used space is counted in bytes of lines, free space in whole pages. Lines never fill their pages, so a tenant
        gets slightly less than its share, never more.
        """
        ((pages,),) = connection.execute("PRAGMA page_count")
        ((unused,),) = connection.execute("PRAGMA freelist_count")
        held = list(
            connection.execute("SELECT tenant, sum(bytes + records * ?) FROM usage GROUP BY tenant", [_ROW_BYTES])
        )
        free = min(
            (self._max_pages() - pages + unused) * PAGE_BYTES,
            (shutil.disk_usage(self.directory).free - _RESERVE_BYTES) // 2,  # a line goes to the log, then to the file
        )
        shares = Shares(free + sum(size for _, size in held), max_share=MAX_SHARE)
        for tenant, size in held:
            shares.take(tenant, size)
        return shares

    def _max_pages(self) -> int:
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        return (self.max_bytes if limit == resource.RLIM_INFINITY else min(self.max_bytes, limit)) // PAGE_BYTES


def _check(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
