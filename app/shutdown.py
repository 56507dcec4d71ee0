"""What was drained when the service was told to stop."""

import logging
import signal
import threading
import time
from types import FrameType

from uvicorn.supervisors import Multiprocess

from app.telemetry.metrics import UnderWay

logger = logging.getLogger("ringfence")


LIKE_SIGTERM = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""By default each ends the process at once, with what it is answering: a terminal that is closed sends SIGHUP, for one.
None of them means anything else here, no reloading either, so all of them drain."""


def drain_workers_on_every_signal() -> None:
    """Let the parent of several workers take each of these signals as SIGTERM; uvicorn restarts them, or ignores it."""
    for number in LIKE_SIGTERM:
        setattr(Multiprocess, f"handle_{number.name.removeprefix('SIG').lower()}", Multiprocess.handle_term)


class Shutdown:
    """Notes when it is told to stop, and how much was being answered then."""

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
                    self._under_way = UnderWay.requests
                if callable(before):
                    before(number, frame)

            signal.signal(number, hear)
        for number in LIKE_SIGTERM:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM))

    def report(self, queued: int, spooled: int) -> None:
        """Log what was drained.

        queued: records that were handed over, and had not been written, when requests had ended. spooled: records that
        wait in the spool for the next start.
        """
        seconds = time.monotonic() - (self._told_at or time.monotonic())
        cut = UnderWay.requests
        logger.info(
            "stopped: %d requests under way were finished, %d were cut, %d records were still written, in %.1f seconds;"
            " %d records wait in the spool",
            max(0, self._under_way - cut), cut, queued, seconds, spooled,
            extra={
                "requests_finished": max(0, self._under_way - cut), "requests_cut": cut, "records_drained": queued,
                "records_spooled": spooled, "seconds": round(seconds, 3),
            },
        )  # fmt: skip
