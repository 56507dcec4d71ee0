"""The audit file: appends whole records and flushes them to the disk, reads them, and checks that it could append."""

import errno
import fcntl
import json
import logging
import os
import resource
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.model.record import Fields

logger = logging.getLogger("ringfence")

_PIECE_BYTES = 1_048_576
_MAX_CHECK_SECONDS = 3.0
_ROOM = 65_536
"""Bytes that have to fit behind the last record: more than one record can have."""


class AuditFile:
    """A file that several processes may append to. Each append holds the file's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_failing = False

    def append(self, records: Iterable[Fields]) -> None:
        """Append all of `records` and flush them, or none: then this raises OSError, or what `records` raises."""
        is_new = not self._path.exists()
        with self._opened() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The clock is read under the lock, so that the records of the file are in the order of their times.
            now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            self._write(file, (json.dumps({**record, "created_at": now}).encode() + b"\n" for record in records))
            if is_new:
                _flush_directory(self._path.parent)

    def check(self) -> None:
        """Do all that an append does but the writing, and create the file if it is missing. Raises OSError.

        While appends fail, for reasons that nothing else shows, a blank line is written and removed again. Otherwise
        the file keeps its size: a program that follows it would take one that grows and shrinks for a new file.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._opened() as file:
            _lock_in_time(file)
            if self._is_failing:
                size = os.fstat(file).st_size
                self._write(file, [b" " * _ROOM + b"\n"])
                os.ftruncate(file, size)
            os.fsync(file)
            _check_room(file)

    def records(self) -> Iterator[Fields]:
        """Yield the whole records of every tenant, without those that are appended meanwhile. Raises OSError.

        Other lines are skipped with a warning: a crash can leave half a line.
        """
        with self._path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # wait for the end of an append
            size = os.fstat(file.fileno()).st_size
            fcntl.flock(file, fcntl.LOCK_UN)
            for number, line in enumerate(file, 1):
                if (size := size - len(line)) < 0:
                    return
                try:
                    record = json.loads(line)
                    if not all(isinstance(record[field], str) for field in ("id", "tenant_id", "created_at")):
                        raise TypeError
                    if datetime.fromisoformat(record["created_at"]).tzinfo is None:
                        raise ValueError
                except (ValueError, KeyError, TypeError, RecursionError):
                    if line.strip():
                        logger.warning("%s: line %d is not a whole record and was skipped", self._path, number)
                else:
                    yield record

    @contextmanager
    def _opened(self) -> Iterator[int]:
        # Checked before it is opened: opening a device or a FIFO can block, or have effects.
        if self._path.exists():
            _refuse_unless_regular(self._path)
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            yield file
        finally:
            os.close(file)

    def _write(self, file: int, lines: Iterable[bytes]) -> None:
        size = os.fstat(file).st_size
        is_torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        content = bytearray(b"\n" if is_torn else b"")
        try:
            for line in lines:
                content += line
                if len(content) >= _PIECE_BYTES:
                    _write_all(file, content)
                    content.clear()
            _write_all(file, content)
            os.fsync(file)
        except BaseException as error:
            self._is_failing |= isinstance(error, OSError)
            os.ftruncate(file, size)  # the records are refused, so they must not be found later
            raise
        self._is_failing = False


def _write_all(file: int, content: bytearray) -> None:
    """Append `content`. Raises OSError, with some of it written, when there is no room for all."""
    if os.write(file, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _flush_directory(directory: Path) -> None:
    """Bring the names in `directory` to the disk: a new file's name is in it, not in the file. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_room(file: int) -> None:
    """Raise OSError where the disk is full, or the file is as large as this process may make it."""
    disk = os.fstatvfs(file)
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    if disk.f_blocks > 0 and free * disk.f_frsize < _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY and os.fstat(file).st_size + _ROOM > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def _lock_in_time(file: int) -> None:
    """Take the lock. Raises OSError where the file system has no locks, or another process keeps it too long."""
    deadline = time.monotonic() + _MAX_CHECK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OSError(errno.ETIMEDOUT, "another process keeps it locked") from None
        time.sleep(0.02)


def _refuse_unless_regular(path: Path) -> None:
    """Raise OSError for a directory, device, pipe or socket, and for /dev/stdout, which is another file each time."""
    place = path.absolute()
    is_of_process = place.is_relative_to("/proc") or (place.is_relative_to("/dev") and place.is_symlink())
    if is_of_process or not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is a directory, device, pipe, socket or open file, not a regular file")
