"""The files of an import: those to be read, examined before anything is stored, and the new one of rejected lines."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from app.import_jsonl.lines import MAX_LINE_BYTES

# By how a file begins. JSON begins with two characters of ASCII: the zeros among their bytes tell the encoding.
_NOT_PLAIN = {
    "packed with gzip; unpack it": rb"\x1f\x8b",
    "packed with zip; unpack it": rb"PK(\x03\x04|\x05\x06|\x07\x08)",
    "packed with zstd; unpack it": rb"\x28\xb5\x2f\xfd",
    "packed with bzip2; unpack it": rb"BZh",
    "packed with xz; unpack it": rb"\xfd7zXZ\0",
    "packed with lz4; unpack it": rb"\x04\x22\x4d\x18",
    "packed with 7z; unpack it": rb"7z\xbc\xaf\x27\x1c",
    "UTF-32; convert it to UTF-8": rb"\xff\xfe\0\0|\0\0\xfe\xff|[^\0]\0\0\0|\0\0\0[^\0]",
    "UTF-16; convert it to UTF-8": rb"\xff\xfe|\xfe\xff|([^\0]\0){2}|(\0[^\0]){2}",
}


class FileRefused(Exception):
    """A file cannot be used; the message says which, and why."""


def examine(files: Sequence[Path]) -> int:
    """Return how many bytes there are to be read. The content of pipes is examined when they are read.

    Raises FileRefused for a file that is named twice or is not plain UTF-8, and OSError.
    """
    size, seen = 0, dict[tuple[int, int], Path]()
    for path in files:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            with path.open("rb") as file:
                _refuse_unless_plain(path, file.read(6))
        identity = found.st_dev, found.st_ino
        if identity in seen:
            raise FileRefused(f"{path}: is the same file as {seen[identity]}; its lines would be counted twice")
        seen[identity] = path
        size += found.st_size
    return size


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines; of a line that is too long, enough to see that. Raises FileRefused and OSError."""
    with path.open("rb") as file:
        _refuse_unless_plain(path, file.peek(6))
        while text := file.readline(MAX_LINE_BYTES + 2):
            yield text
            while len(text) == MAX_LINE_BYTES + 2 and not text.endswith(b"\n"):
                text = file.readline(MAX_LINE_BYTES + 2)


def _refuse_unless_plain(path: Path, beginning: bytes) -> None:
    for form, pattern in _NOT_PLAIN.items():
        if re.match(pattern, beginning, re.DOTALL):
            raise FileRefused(f"{path}: is {form} first")


class Rejects:
    """The lines that are not taken, in a new file that its owner alone may read. Without a line no file is left.

    fault: why a line could not be kept; no line is kept after it.
    """

    fault: FileRefused | None = None

    def __init__(self, path: Path, inputs: Sequence[Path]) -> None:
        """Make the file. Raises FileRefused when it is there already or is one of `inputs`, and OSError."""
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

    def add(self, line: bytes) -> None:
        """Append one line, or no part of it."""
        if self.fault:
            return
        content = line.rstrip(b"\r\n") + b"\n"
        try:
            if os.write(self._file, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(self._file, self._size)
            self.fault = FileRefused(f"--rejects: {self._path}: {error.strerror}")
        else:
            self._size += len(content)

    def close(self) -> None:
        """Close the file, and remove it when it is empty."""
        os.close(self._file)
        if not self._size:
            self._path.unlink(missing_ok=True)
