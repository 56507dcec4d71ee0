"""Shutdown: which signals drain the service, and what was drained."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

from uvicorn.supervisors import Multiprocess

from app.telemetry.metrics import UnderWay

logger = logging.getLogger("ringfence")

LIKE_SIGTERM = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that drain the service as SIGTERM does. By default each ends the process at once, and cuts every request: a
closed terminal sends SIGHUP. None has another meaning here; the service never reloads."""


def drain_workers_on_every_signal() -> None:
    """Make uvicorn's parent of several workers treat each of LIKE_SIGTERM as SIGTERM, not restart workers or ignore it.

    uvicorn has no documented way to change this: its parent looks up methods named after the signals.
    tests/failures/test_shutdown.py sends each signal to a service with several workers.
    """
    for number in LIKE_SIGTERM:
        setattr(Multiprocess, f"handle_{number.name.removeprefix('SIG').lower()}", Multiprocess.handle_term)


class Shutdown:
    """Notes when the first signal to stop comes, and how many requests are under way then."""

    def __init__(self, on_signal: Callable[[], object]) -> None:
        """on_signal: is called once, when the first signal comes, in the middle of whatever runs."""
        self._on_first_signal = on_signal
        self._began: float | None = None
        self._under_way = 0

    def listen(self) -> None:
        """Begin to note signals, and pass them on to the handlers before. Signals reach only the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, partial(self._on_signal, signal.getsignal(number)))
        for number in LIKE_SIGTERM:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM))

    def _on_signal(self, before: object, number: int, frame: FrameType | None) -> None:
        if self._began is None:
            self._began = time.monotonic()
            self._under_way = UnderWay.requests
            self._on_first_signal()
        if callable(before):
            before(number, frame)

    def report(self, queued: int, spooled: int) -> None:
        """Log what was drained.

        queued: records that were still to be written when the last request had ended. spooled: records that wait in the
        spool for the next start.
        """
        drained = {
            "requests_finished": max(0, self._under_way - UnderWay.requests),
            "requests_cut": UnderWay.requests,
            "records_drained": queued,
            "records_spooled": spooled,
            "seconds": round(time.monotonic() - self._began, 3) if self._began else 0.0,
        }
        logger.info(
            "stopped: %(requests_finished)d requests under way were finished, %(requests_cut)d were cut,"
            " %(records_drained)d records were still written, in %(seconds).1f seconds;"
            " %(records_spooled)d records wait in the spool",
            drained,
            extra=drained,
        )
