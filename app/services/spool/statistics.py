"""How much waits in the spool, and for how long."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from app.services.audit_logger import Waiting
from app.services.spool.queue import Spool


class SpoolStatistics:
    """Counts the lines of one spool, each once, however often it is asked."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._counted: dict[tuple[int, int], tuple[int, int]] = {}
        """By device and inode: bytes that were looked at, and lines in them."""

    def read(self) -> Waiting:
        """Look at the directory. Raises OSError."""
        records = size = 0
        oldest: float | None = None
        seen: dict[tuple[int, int], tuple[int, int]] = {}
        for path, position in self._spool.waiting():
            with suppress(FileNotFoundError), path.open("rb") as file:  # another worker may be done with it
                status = path.stat()
                key = (status.st_dev, status.st_ino)
                end, lines = self._counted.get(key, (0, 0))
                if end > status.st_size:
                    end = lines = 0
                file.seek(end)
                while end < status.st_size and (piece := file.read(1_048_576)):
                    lines += piece.count(b"\n")
                    end += len(piece)
                seen[key] = (end, lines)
                done = _lines_before(path, position)
                records += lines - done
                size += status.st_size - position
                if oldest is None:
                    file.seek(position)
                    oldest = _age(file.readline())
        self._counted = seen
        return Waiting(records, size, oldest or 0.0)


def _lines_before(path: Path, position: int) -> int:
    with path.open("rb") as file:
        lines, left = 0, position
        while left > 0 and (piece := file.read(min(left, 1_048_576))):
            lines += piece.count(b"\n")
            left -= len(piece)
    return lines


def _age(line: bytes) -> float:
    try:
        created_at = datetime.fromisoformat(json.loads(line)["created_at"])
        return max(0.0, time.time() - created_at.astimezone(UTC).timestamp())
    except (ValueError, KeyError, TypeError):
        return 0.0
