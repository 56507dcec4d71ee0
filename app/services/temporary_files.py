"""Temporary files: what the log and the caller are told when there is no room for them."""

import logging
import tempfile

from app.model.refusals import StorageUnavailable

logger = logging.getLogger("ringfence")


def no_room(error: OSError) -> StorageUnavailable:
    """Log why a temporary file cannot be written, and return the refusal."""
    logger.error("no temporary file can be written: %s", error.strerror)
    return StorageUnavailable("the service has no room on its disk for a request of this size")


def warn_without_temporary_files() -> None:
    """Log a warning if no temporary file can be written."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"room")
            file.flush()
    except OSError as error:
        logger.warning("requests of more than a megabyte of records get 503: no temporary file: %s", error.strerror)
