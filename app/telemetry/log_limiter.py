"""Limits how often the same text is logged, so that refused callers cannot fill the disk or hide other lines."""

import logging
import time
from collections import OrderedDict

from app.telemetry.metrics import LOG_LINES_DROPPED

MAX_LINES = 20
"""Lines of one text in WINDOW_SECONDS; the first line after the window says how many were dropped."""
WINDOW_SECONDS = 10.0
_MAX_TEXTS = 1_000


class LogLimiter(logging.Filter):
    """Filter of a log handler: drops lines beyond the limit, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        """By logger and text: when its window began, and the number of lines in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether `record` is logged."""
        key = record.name, record.getMessage()
        now = time.monotonic()
        began, lines = self._seen.pop(key, (now, 0))
        if now - began > WINDOW_SECONDS:
            if lines > MAX_LINES:
                record.dropped_before = lines - MAX_LINES
            began, lines = now, 0
        self._seen[key] = began, lines + 1
        if len(self._seen) > _MAX_TEXTS:
            self._seen.popitem(last=False)
        if lines >= MAX_LINES:
            LOG_LINES_DROPPED.inc()
            return False
        return True
