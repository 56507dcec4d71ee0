"""What it takes for a line to be on the disk."""

import errno
import os
from pathlib import Path


def write_all(file: int, content: bytes | bytearray) -> None:
    """Append `content` to an open file. Raises OSError, with some of it written, when there is no room for all."""
    if os.write(file, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def flush_directory(directory: Path) -> None:
    """Bring the names in `directory` to the disk: a new file's name is in it, not in the file. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
