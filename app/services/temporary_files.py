"""The temporary files in which records of one request lie, and what is said where there is no room for them."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from app.model.refusals import StorageUnavailable

logger = logging.getLogger("ringfence")


def temporary_file(max_bytes_in_memory: int) -> IO[bytes]:
    """Return a file without a name, that is on the disk once it is larger than `max_bytes_in_memory`."""
    return tempfile.SpooledTemporaryFile(max_size=max_bytes_in_memory)


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Log why a temporary file cannot be used in the block, and raise StorageUnavailable."""
    try:
        yield
    except OSError as error:
        logger.error("no temporary file can be written: %s", error.strerror)
        raise StorageUnavailable("the service has no room on its disk for a request of this size") from error


def warn_without_temporary_files() -> None:
    """Say in the log that no temporary file can be made, if that is so."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"room")
            file.flush()
    except OSError as error:
        logger.warning("requests of more than a megabyte of records get 503: no temporary file: %s", error.strerror)
