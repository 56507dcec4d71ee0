"""When what a line of a feed says has happened, in each format of the feed."""

import json
from datetime import UTC, datetime


def moment_of(line: bytes) -> datetime | None:
    """Return the created_at of the record in a line; None for a statement of the tree, which has none."""
    try:
        found = json.loads(line)
        stamp = found.get("created_at", found.get("time"))
        if isinstance(stamp, int):  # OCSF: milliseconds
            return datetime.fromtimestamp(stamp / 1000, UTC)
        return datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except (ValueError, OverflowError, OSError, RecursionError, AttributeError):
        return None
