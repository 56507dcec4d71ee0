"""Appends to the audit file: whole records, on the disk before it returns; and checks beforehand whether it could."""

import errno
import fcntl
import json
import os
import resource
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.services.durable_files import flush_directory, write_all
from app.services.jsonl.reading import Record

_PIECE = 1_048_576
_MAX_CHECK_SECONDS = 3.0
_ROOM = 65_536
"""Bytes that have to fit behind the last record: more than one record can have."""


class AppendableFile:
    """One file that several processes may append to. Each append holds the file's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_failing = False

    def append(self, records: Iterable[Record]) -> None:
        """Append `records` and flush them to the disk. Raises OSError: nothing of them is in the file then."""
        created = not self._path.exists()
        with self._opened() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The clock is read under the lock, so that the file's order is its time's.
            now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            self._write(file, (json.dumps({**record, "created_at": now}).encode() + b"\n" for record in records))
            if created:
                flush_directory(self._path.parent)

    def check(self) -> None:
        """Do all that an append does but the writing; create the file where it is missing. Raises OSError.

        The file stays as long as it is: a program that follows it would take a file that grows and shrinks for a new
        one. Only while appends fail a blank line is written and taken back, for reasons that nothing else shows.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._opened() as file:
            _lock_in_time(file)
            if self._is_failing:
                self._write(file, [b" " * _ROOM + b"\n"], keep=False)
            os.fsync(file)
            _check_room(file)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        # Looked at before it is opened: to open a device or a FIFO can have effects, or wait.
        if self._path.exists() and (other := _what_else(self._path)):
            raise OSError(errno.EINVAL, f"it is {other}, not a regular file")
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            yield file
        finally:
            os.close(file)

    def _write(self, file: int, lines: Iterable[bytes], *, keep: bool = True) -> None:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        content = bytearray(b"\n" if torn else b"")
        try:
            for line in lines:
                content += line
                if len(content) >= _PIECE:
                    write_all(file, content)
                    content.clear()
            write_all(file, content)
            os.fsync(file)
        except BaseException as error:
            self._is_failing = isinstance(error, OSError)
            os.ftruncate(file, size)  # refused, so it must not be found later
            raise
        self._is_failing = False
        if not keep:
            os.ftruncate(file, size)


def _check_room(file: int) -> None:
    """Raise OSError where the disk is full, or the file as large as this process may make it."""
    disk = os.fstatvfs(file)
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    if disk.f_blocks > 0 and free * disk.f_frsize < _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY and os.fstat(file).st_size + _ROOM > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def _lock_in_time(file: int) -> None:
    """Take the lock. Raises OSError where it cannot be had at all, or not in time."""
    deadline = time.monotonic() + _MAX_CHECK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OSError(errno.ETIMEDOUT, "another process keeps it locked") from None
        time.sleep(0.02)


def _what_else(path: Path) -> str | None:
    """Return what `path` is instead of a regular file, None when it is one."""
    mode = path.stat().st_mode
    kinds = {
        stat.S_IFDIR: "a directory", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
        stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
    }  # fmt: skip
    if stat.S_IFMT(mode) in kinds:
        return kinds[stat.S_IFMT(mode)]
    # /dev/stdout is a file where the shell redirected it to one, and another file at the next start.
    place = path.absolute()
    if place.is_relative_to("/proc") or (place.is_relative_to("/dev") and place.is_symlink()):
        return "an open file of this process"
    return None
