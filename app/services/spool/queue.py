"""The spool: a directory where records wait on the disk while the database is away.

`active.jsonl` is appended to. To be replayed it is sealed: renamed to `<uuid v7>.jsonl`, which nobody appends to any
more, and which is deleted once all of it is in the database. Beside a sealed one, `<uuid v7>.position` says how far the
replay has come; it may lag behind, since a replay may be repeated. What the database refuses for good goes to
`dead-letter.jsonl`. Several workers share the directory, and whoever appends holds the lock of the file.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.model.refusals import RefusedToServe, StorageUnavailable
from app.model.uuid_v7 import uuid_v7
from app.services.concurrency.group_commit import GroupCommit
from app.services.durable_files import flush_directory, write_all
from app.services.spool.clock import SteadyClock
from app.services.spool.usage import SpoolUsage
from app.telemetry.metrics import SPOOLED

logger = logging.getLogger("ringfence")

Line = Callable[[str], bytes]
"""Makes a line, with its end, of the time when it is written."""

_ACTIVE = "active.jsonl"
DEAD_LETTER = "dead-letter.jsonl"
_PIECE = 1_048_576


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed file. position: bytes of it that are in the database, or in the dead-letter file."""

    path: Path
    position: int

    def advance(self, position: int) -> None:
        """Remember that it is replayed up to `position`; where the disk is full, what follows is merely repeated."""
        unfinished = self._position_path.with_suffix(".unfinished")
        with suppress(OSError):
            unfinished.write_text(str(position))
            unfinished.replace(self._position_path)

    def delete(self) -> None:
        """Let go of what is in the database. Raises OSError."""
        self.path.unlink()
        for path in (self._position_path, self._position_path.with_suffix(".unfinished")):
            path.unlink(missing_ok=True)

    @property
    def _position_path(self) -> Path:
        return self.path.with_suffix(".position")


class Spool:
    """One directory, for its owner alone, and at most so many bytes in it."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.directory = directory
        self.most_bytes = most_bytes
        self.clock = SteadyClock()
        self._is_failing = False
        self._usage = SpoolUsage()
        self._appends: GroupCommit[tuple[str, Line], None] = GroupCommit(
            self._append, lambda _: 512, max_items=1024, max_bytes=1_048_576, max_queued=4096
        )

    async def open(self) -> None:
        """Make the directory where it is missing. Raises RefusedToServe when it cannot be used."""
        try:
            await asyncio.to_thread(self._create)
        except OSError as error:
            raise RefusedToServe(
                f"the spool {self.directory} cannot be written: {error.strerror}; name another directory in SPOOL_PATH,"
                " or set SPOOL=off"
            ) from error

    async def close(self) -> None:
        """Return once what was handed over is on the disk."""
        await self._appends.drain()

    async def append(self, tenant: str, line: Line) -> None:
        """Return once `line` is on the disk. Raises StorageUnavailable when there is no room; it is not kept then."""
        await self._appends.submit(tenant, (tenant, line))
        SPOOLED.inc()

    async def append_all(self, tenant: str, lines: Iterable[Line]) -> None:
        """Return once all of `lines` are on the disk. None is kept when not all fit, which raises StorageUnavailable.

        Nor is any when `lines` raises, and that is raised as well.
        """
        refusals = await self._in_thread(((tenant, line) for line in lines), all_or_none=True)
        SPOOLED.inc(len(refusals))

    async def _append(self, lines: Sequence[tuple[str, Line]]) -> Sequence[StorageUnavailable | None]:
        return await self._in_thread(lines, all_or_none=False)

    async def _in_thread(
        self, lines: Iterable[tuple[str, Line]], *, all_or_none: bool
    ) -> Sequence[StorageUnavailable | None]:
        try:
            refusals = await asyncio.to_thread(self._append_and_flush, lines, all_or_none=all_or_none)
        except OSError as error:
            if not self._is_failing:  # once, and not for each of thousands
                logger.error("the spool cannot be written: %s", error.strerror)
            self._is_failing = True
            raise StorageUnavailable("the database is away, and the spool cannot be written") from error
        self._is_failing = False
        return refusals

    def _append_and_flush(
        self, lines: Iterable[tuple[str, Line]], *, all_or_none: bool
    ) -> list[StorageUnavailable | None]:
        """Append what there is room for, and return for each line None or why it was not kept."""
        file, created = self._locked()
        try:
            size = _end_of_last_line(file)
            shares = self._usage.shares((path for path, _ in self.waiting()), self.most_bytes)
            now = self.clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
            content = bytearray()
            refusals: list[StorageUnavailable | None] = []
            try:
                for tenant, line in lines:
                    text = line(now)
                    if not shares.may_take(tenant, len(text)):
                        full = StorageUnavailable("the database is away, and the spool is full")
                        if all_or_none:
                            raise full
                        refusals.append(full)
                        continue
                    shares.take(tenant, len(text))
                    refusals.append(None)
                    content += text
                    if len(content) >= _PIECE:
                        write_all(file, content)
                        content.clear()
                write_all(file, content)
                os.fsync(file)
            except BaseException:
                os.ftruncate(file, size)  # refused, so it must not be found later
                raise
            if created:
                flush_directory(self.directory)
        finally:
            os.close(file)
        return refusals

    def _locked(self) -> tuple[int, bool]:
        """Return the active file, locked, and whether it is new."""
        path = self.directory / _ACTIVE
        while True:  # it may be sealed while its lock is waited for
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(file), path.stat()):
                        return file, os.fstat(file).st_size == 0
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def seal(self) -> None:
        """Close the active file to whoever would append, unless it is empty. Raises OSError."""
        path = self.directory / _ACTIVE
        if not _size(path):
            return
        file, _ = self._locked()
        try:
            if _end_of_last_line(file) > 0:
                path.rename(self.directory / f"{uuid_v7()}.jsonl")
                flush_directory(self.directory)
        finally:
            os.close(file)

    def segments(self) -> list[Segment]:
        """Return the sealed files, oldest first. Raises OSError."""
        return [Segment(path, _position(path)) for path in sorted(self.directory.glob("????????-????-*.jsonl"))]

    def waiting(self) -> Iterator[tuple[Path, int]]:
        """Yield each file that holds records that are not replayed, oldest first, and where in it they begin."""
        for segment in self.segments():
            yield segment.path, segment.position
        active = self.directory / _ACTIVE
        if _size(active):
            yield active, 0

    def _create(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.directory.stat().st_uid != os.geteuid():
            raise PermissionError(1, "it belongs to somebody else")
        self.directory.chmod(0o700)
        os.close(self._locked()[0])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another worker has sealed or replayed it
        return 0


def _position(path: Path) -> int:
    try:
        return int(path.with_suffix(".position").read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _end_of_last_line(file: int) -> int:
    """Return the size of an open file, whose lock is held, without half a line that a crash has left at its end."""
    size = os.fstat(file).st_size
    end = size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        logger.warning("the spool ended with half a line, which was never acknowledged")
        os.ftruncate(file, end)
    return end
