"""Reads the audit file: every whole record in it, from either end, without holding more than one."""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

logger = logging.getLogger("ringfence")
Record = dict[str, Any]

_BLOCK_BYTES = 65536


def whole_records(path: Path, *, newest_first: bool = False) -> Iterator[Record]:
    """Yield the records of every tenant, in the order of the file or against it. What is no whole record is skipped.

    Records that are appended meanwhile are not among them. Raises OSError.
    """
    with path.open("rb") as file:
        # What is being appended right now is not there yet: only whole appends are read.
        fcntl.flock(file, fcntl.LOCK_SH)
        size = os.fstat(file.fileno()).st_size
        fcntl.flock(file, fcntl.LOCK_UN)
        for number, line in enumerate(_lines_backwards(file, size) if newest_first else _lines(file, size), 1):
            try:
                record = json.loads(line)
                if not all(isinstance(record[field], str) for field in ("id", "tenant_id", "created_at")):
                    raise TypeError
                if datetime.fromisoformat(record["created_at"]).tzinfo is None:
                    raise ValueError
            except (ValueError, KeyError, TypeError, RecursionError):
                if line.strip():
                    end = " from the end" if newest_first else ""
                    logger.warning("%s: line %d%s is not a whole record and was skipped", path, number, end)
                continue
            yield record


def matches(record: Record, created_at: datetime, filters: dict[str, Any]) -> bool:
    """Whether `record`, written at `created_at`, is one that `filters` find: equalities, and a half-open window."""
    return (
        all(
            filters[field] is None or record.get(field) == filters[field]
            for field in ("agent_id", "trace_id", "user_id", "mode", "status", "http_status")
        )
        and (filters["start_time"] is None or created_at >= filters["start_time"])
        and (filters["end_time"] is None or created_at < filters["end_time"])
    )


def _lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    while file.tell() < size and (line := file.readline()):
        yield line


def _lines_backwards(file: BinaryIO, size: int) -> Iterator[bytes]:
    pending: list[bytes] = []  # of the line whose beginning is still to be read, last piece first
    while size > 0:
        start = max(0, size - _BLOCK_BYTES)
        file.seek(start)
        *lines, rest = reversed(file.read(size - start).split(b"\n"))
        size = start
        for line in lines:
            yield line + b"".join(reversed(pending))
            pending.clear()
        pending.append(rest)
    yield b"".join(reversed(pending))
