"""The background thread: sends the queue in batches, and replays the backlog."""

import atexit
import logging
import os
import threading
import time

from ringfence._backlog import Backlog
from ringfence._destination import Destination
from ringfence._errors import NotRecorded, Problem, RingfenceError
from ringfence._queue import Queue
from ringfence._sender import ABOUT_NO_RECORD, BATCH_RECORDS, Sender
from ringfence._spool import Spool

logger = logging.getLogger("ringfence")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0
"""Seconds between attempts to reach the service."""


class Delivery:
    """The records of one client that are not sent by their caller: those of the queue, and those of the backlog."""

    def __init__(self, to: Destination, spool: Spool | None, *, queue_size: int, timeout: float) -> None:
        """queue_size: records. timeout: seconds, of each step of a request, and of waiting for room in the queue."""
        self._sender = Sender(to, timeout)
        self._timeout = timeout
        self._queue = Queue(queue_size, timeout)
        self._thread: threading.Thread | None = None
        self._is_ending = False
        self._pause = _FIRST_PAUSE
        self._next_attempt = 0.0
        self._process = os.getpid()
        self.backlog = Backlog(spool, self._sender, timeout, wake=self._start)
        if self.backlog.is_spooling:
            self._start()

    @property
    def is_closed(self) -> bool:
        """Whether it takes nothing more."""
        return self._queue.is_closed

    def check_open(self) -> None:
        """Raise NotRecorded in a forked process, and after close()."""
        if os.getpid() != self._process:
            raise NotRecorded("the client was made before a fork: make one in each process")
        if self.is_closed:
            raise NotRecorded("the client is closed")

    def check_may_begin(self) -> None:
        """Raise where nothing may begin: what check_open() raises, and the refusal while the key or URL is refused."""
        self.check_open()
        if (refusal := self.backlog.refusal) is not None:
            raise refusal.with_traceback(None)

    def enqueue(self, record: str, *, block: bool = True) -> bool:
        """Append to the queue; return False where it is full and `block` is not set. Raises what append() raises."""
        self.check_may_begin()
        with self._queue.changed:  # so that nobody closes it before its thread has started
            is_taken = self._queue.append(record, block=block)
            if is_taken:
                self._start()
            return is_taken

    def flush(self, timeout: float) -> None:
        """Return once the queue is empty: each record was sent, spooled, or refused.

        Raises NotRecorded after so many seconds, and Problem if a record was refused since the last flush.
        """
        with self._queue.changed:
            self._next_attempt = 0.0
            self._queue.changed.notify_all()
        self._queue.wait_until_settled(timeout)

    def close(self, timeout: float) -> None:
        """Take nothing more, flush, and end the thread. What is spooled stays for the next client."""
        if os.getpid() != self._process:
            return  # thread, connection and file are the other process's
        self._queue.close()
        try:
            if self._thread is not None:
                self.flush(timeout)
        finally:
            with self._queue.changed:
                self._is_ending = True
                self._queue.changed.notify_all()
            if self._thread is not None:
                self._thread.join()
                atexit.unregister(self._at_exit)
            self._sender.close()
            if self.backlog.spool is not None:
                self.backlog.spool.close()

    def _start(self) -> None:
        with self._queue.changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ringfence", daemon=True)
                self._thread.start()
                atexit.register(self._at_exit)
            self._queue.changed.notify_all()

    def _at_exit(self) -> None:
        try:
            self.close(self._timeout)
        except Exception as error:
            logger.error("at the end of the process: %s", error)

    def _run(self) -> None:
        while self._wait():
            try:
                if self._is_due():
                    self._work_off()
                if self.backlog.is_ending:
                    continue  # what is queued would go into the spool, and it would never be empty
                if not self._queue.in_hand:
                    self._queue.take(BATCH_RECORDS // 5 if self.backlog.is_replaying else BATCH_RECORDS)
                self._deliver()
                self._queue.failure = None
            except Exception as error:  # whatever it is, records wait: the thread must go on
                if self._queue.failure is None:
                    words = error if isinstance(error, RingfenceError) else type(error).__name__
                    logger.error("records are not delivered: %s", words)
                self._queue.failure = error
                self._wait_longer()

    def _wait(self) -> bool:
        """Wait for work; return False when there will be none."""
        with self._queue.changed:
            while not self._is_ending:
                is_queued = len(self._queue) > 0
                if (is_queued and self._queue.failure is None) or ((is_queued or self._has_later()) and self._is_due()):
                    return True
                is_waited_for = is_queued or self._has_later()
                self._queue.changed.wait(self._next_attempt - time.monotonic() if is_waited_for else None)
            return False

    def _has_later(self) -> bool:
        return self.backlog.is_spooling or self.backlog.has_to_note

    def _is_due(self) -> bool:
        return time.monotonic() >= self._next_attempt

    def _work_off(self) -> None:
        """Do what the backlog asks for, once."""
        if self.backlog.has_to_note:
            self.backlog.note()
        if not self.backlog.is_spooling:
            return
        if self.backlog.replay():
            self._pause, self._next_attempt = _FIRST_PAUSE, 0.0
        else:
            self._wait_longer()

    def _deliver(self) -> None:
        """Bring the batch in hand to the service or into the spool. Raises NotRecorded; what is left stays in hand."""
        while some := self._queue.in_hand[: self._sender.batch_records]:
            self._queue.settle(self._delivered(some))

    def _delivered(self, records: list[str]) -> list[str]:
        """Send or spool records; return those that need nothing more. Raises NotRecorded."""
        if self.backlog.is_spooling:
            self.backlog.keep(records, None)
            return records
        try:
            self.backlog.send(records)
        except ABOUT_NO_RECORD as error:
            self.backlog.keep(records, error)
        except Problem as refusal:
            if (place := self._sender.refused_place(refusal, len(records))) is None:
                return []
            self.backlog.put_aside(records[place], refusal)
            self._queue.refused = refusal
            return [records[place]]
        return records

    def _wait_longer(self) -> None:
        with self._queue.changed:
            self._next_attempt = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self.backlog.pause()
