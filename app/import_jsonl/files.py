"""The files of an import: those that are read, looked at before anything is stored, and the one of rejected lines."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from app.import_jsonl.lines import MOST_LINE_BYTES
from app.services.durable_files import write_all

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PK\x07\x08": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7z",
}
# The longer ones first: one begins as the other does.
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# JSON begins with two characters of ASCII: which of its first four bytes are zero tells the encoding.
_ZEROS = {"0111": "UTF-32", "1110": "UTF-32", "0101": "UTF-16", "1010": "UTF-16", "01": "UTF-16", "10": "UTF-16"}


class FileRefused(Exception):
    """A file cannot be used; the message says which, and why."""


def examine(files: Sequence[Path]) -> int:
    """Return how many bytes there are to be read.

    Raises FileRefused for a file that cannot be read, is named twice, or is not plain UTF-8. Pipes are looked at later.
    """
    size, seen = 0, dict[tuple[int, int], Path]()
    for path in files:
        try:
            found = path.stat()
            if stat.S_ISREG(found.st_mode):
                with path.open("rb") as file:
                    _refuse_unless_plain(path, file.read(6))
            elif stat.S_ISDIR(found.st_mode):
                raise FileRefused(f"{path}: is a directory")
        except OSError as error:
            raise FileRefused(f"{path}: {error.strerror}") from None
        identity = found.st_dev, found.st_ino
        if identity in seen:
            raise FileRefused(f"{path}: is the same file as {seen[identity]}; its lines would be counted twice")
        seen[identity] = path
        size += found.st_size
    return size


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines; of one that is too long, enough to see that. Raises FileRefused and OSError."""
    with path.open("rb") as file:
        _refuse_unless_plain(path, file.peek(6))
        yield from _lines(file)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while text := file.readline(MOST_LINE_BYTES + 2):
        yield text
        while len(text) == MOST_LINE_BYTES + 2 and not text.endswith(b"\n"):
            text = file.readline(MOST_LINE_BYTES + 2)


def _refuse_unless_plain(path: Path, beginning: bytes) -> None:
    for mark, name in _PACKED.items():
        if beginning.startswith(mark):
            raise FileRefused(f"{path}: is packed with {name}; unpack it first")
    zeros = "".join("01"[byte == 0] for byte in beginning[:4])
    marked = next((name for mark, name in _MARKS.items() if beginning.startswith(mark)), _ZEROS.get(zeros))
    if marked:
        raise FileRefused(f"{path}: is {marked}; convert it to UTF-8 first")


class Rejects:
    """The lines that are not taken, in a new file for its owner alone. Without a line there is no file in the end."""

    def __init__(self, path: Path, inputs: Sequence[Path]) -> None:
        """Make the file. Raises FileRefused when there is one, an input above all, or when it cannot be made."""
        self._path = path
        self._size = 0
        for each in inputs:
            with suppress(OSError):
                if path.samefile(each):
                    raise FileRefused(f"--rejects: {path}: is a file to be read, {each}; name a new file")
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise FileRefused(f"--rejects: {path}: is there already, and is left as it is; name a new file") from None
        except OSError as error:
            raise FileRefused(f"--rejects: {path}: {error.strerror}") from None

    def add(self, line: bytes) -> None:
        """Append one line. Raises FileRefused when there is no room; then no part of it is left."""
        content = line.rstrip(b"\r\n") + b"\n"
        try:
            write_all(self._file, content)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise FileRefused(f"--rejects: {self._path}: {error.strerror}") from None
        self._size += len(content)

    def close(self) -> None:
        """Let go of the file, and remove it when it is empty."""
        os.close(self._file)
        if not self._size:
            self._path.unlink(missing_ok=True)
