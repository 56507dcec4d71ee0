"""What was drained when the service was told to stop."""

import logging
import signal
import threading
import time
from types import FrameType

from app.metrics import MetricsMiddleware

logger = logging.getLogger("ringfence")


class Shutdown:
    """Notes when SIGTERM or SIGINT comes, and how much was being answered then."""

    def __init__(self) -> None:
        self._told_at: float | None = None
        self._under_way = 0

    def listen(self) -> None:
        """Begin, beside whoever listens already. Only where signals are heard: in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)

            def hear(number: int, frame: FrameType | None, before: object = before) -> None:
                if self._told_at is None:
                    self._told_at = time.monotonic()
                    self._under_way = MetricsMiddleware.under_way
                if callable(before):
                    before(number, frame)

            signal.signal(number, hear)

    def report(self, records: int) -> None:
        """Log what was drained; records: that were handed over, and had not been written, when requests had ended."""
        seconds = time.monotonic() - (self._told_at or time.monotonic())
        cut = MetricsMiddleware.under_way
        logger.info(
            "stopped: %d requests under way were finished, %d were cut, %d records were still written, in %.1f seconds",
            max(0, self._under_way - cut), cut, records, seconds,
            extra={
                "requests_finished": max(0, self._under_way - cut), "requests_cut": cut, "records_drained": records,
                "seconds": round(seconds, 3),
            },
        )  # fmt: skip
