"""How much of the spool each tenant fills, counted from the lines themselves: several workers write them."""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from app.services.concurrency.limiter import Shares

MAX_SHARE = 0.75
"""Of what the others leave of the spool: the most that one tenant fills. What is on the disk cannot be taken back."""
# In a text of the caller's the quotes would stand behind a backslash.
_TENANT = re.compile(rb'"tenant_id": "([a-z0-9_-]{1,63})"')
_OTHER = ""
"""Whose a line is that names no tenant: half a line, say."""


class SpoolUsage:
    """Counts the lines of one spool, each once, however often it is asked. The caller holds the spool's lock."""

    def __init__(self) -> None:
        self._counted: dict[tuple[int, int], tuple[int, Counter[str]]] = {}
        """By device and inode: bytes that were looked at, and whose they are."""

    def shares(self, paths: Iterable[Path], max_bytes: int) -> Shares:
        """Return what each tenant holds of `max_bytes`, and with that how much more it may. Raises OSError."""
        seen: dict[tuple[int, int], tuple[int, Counter[str]]] = {}
        shares = Shares(max_bytes, max_share=MAX_SHARE)
        for path in paths:
            with suppress(FileNotFoundError), path.open("rb") as file:  # another worker has replayed it
                status = path.stat()
                key = (status.st_dev, status.st_ino)
                end, held = self._counted.get(key, (0, Counter()))
                if end > status.st_size:  # cut where a write failed, or another file by now
                    end, held = 0, Counter()
                file.seek(end)
                for line in file:
                    found = _TENANT.search(line)
                    held[found[1].decode() if found else _OTHER] += len(line)
                    end += len(line)
                seen[key] = (end, held)
                for tenant, size in held.items():
                    shares.take(tenant, size)
        self._counted = seen
        return shares
