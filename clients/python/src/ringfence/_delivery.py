"""The background thread: sends the queue in batches, and replays the spool in order."""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence

from ringfence._destination import Destination
from ringfence._errors import Forbidden, NotRecorded, Problem, Unauthenticated, Unavailable
from ringfence._sender import BATCH_BYTES, BATCH_RECORDS, Sender, fitting
from ringfence._spool import Spool

logger = logging.getLogger("ringfence")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0
"""Seconds between attempts to reach the service."""


class Delivery:
    """The records of one client that are not sent by their caller: those of the queue, and those of the spool.

    is_spooling: whether records wait in the spool. Later ones wait behind them, which keeps the order and asks no
    caller to wait for an answer that does not come. is_replaying: whether the service takes them just now.
    """

    def __init__(self, to: Destination, spool: Spool | None, *, queue_size: int, timeout: float) -> None:
        """queue_size: records. timeout: seconds, of each step of a request, and of waiting for room in the queue."""
        self.spool = spool
        self._sender = Sender(to, timeout)
        self._timeout = timeout
        self._queue: deque[str] = deque()
        self._queue_size = queue_size
        self._in_hand: list[str] = []
        self._refused: Exception | None = None  # one record of the queue, for its form
        self._key_refused: Problem | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.is_closed = False
        self._is_ending = False
        self._pause = _FIRST_PAUSE
        self._next_attempt = 0.0
        self._failure: Exception | None = None  # while what is queued can be neither sent nor spooled
        self._process = os.getpid()
        self._tenant_id: str | None = None
        self.is_replaying = False
        self._replayed_batches = 0
        self._is_noted = spool is None  # whether the spool knows whose key ours is
        self.is_spooling = spool is not None and spool.count() > 0
        if self.is_spooling:
            self._start()

    def check_open(self) -> None:
        """Raise NotRecorded in a forked process, and after close()."""
        if os.getpid() != self._process:
            raise NotRecorded("the client was made before a fork: make one in each process")
        if self.is_closed:
            raise NotRecorded("the client is closed")

    def check_may_begin(self) -> None:
        """Raise where nothing may begin: what check_open() raises, and the refusal while the key is refused."""
        self.check_open()
        if self._key_refused is not None:
            raise self._key_refused.with_traceback(None)

    def note_tenant(self, tenant_id: str) -> None:
        """Note whose key ours is: the spool may hold records of another key of this tenant, or come to hold ours."""
        if self._tenant_id is None:
            self._tenant_id = tenant_id
            if self.spool is not None and self.spool.path.exists():
                self._start()

    def make_way(self) -> None:
        """While the spool is replayed, wait for a batch: callers that only append would never let it become empty."""
        with self._changed:
            batches = self._replayed_batches
            self._changed.wait_for(lambda: not self.is_replaying or self._replayed_batches > batches, self._timeout)

    def keep(self, records: Sequence[str], cause: Exception | None) -> None:
        """Spool records that could not be sent, and replay them later. Raises NotRecorded, from the cause."""
        if self.spool is None:
            raise NotRecorded(f"a record could not be sent, and there is no spool: {cause}") from cause
        with self._changed:
            if self._must_note():
                self._note()
            self.spool.append(records)
            if not self.is_spooling:
                logger.warning("records are spooled: %s", cause)
            self.is_spooling = True
            self._start()

    def keep_despite(self, refusal: Problem, record: str) -> None:
        """Spool the outcome of work that was done while the service refuses the key: another key may send it."""
        with self._changed:
            self.keep([record], refusal)
            self._note_refusal(refusal)

    def enqueue(self, record: str, *, block: bool = True) -> bool:
        """Append to the queue; return False where it is full and `block` is not set.

        Raises NotRecorded when there is no room in time, and when what is queued can be neither sent nor spooled.
        """
        with self._changed:
            self.check_may_begin()
            if self._failure is not None:
                raise NotRecorded(f"the queue cannot be emptied: {self._failure}") from self._failure
            if len(self._queue) >= self._queue_size and not block:
                return False
            if not self._changed.wait_for(lambda: len(self._queue) < self._queue_size, self._timeout):
                raise NotRecorded("the queue is full")
            self.check_open()  # again: waiting has let others close it
            self._queue.append(record)
            self._start()
            return True

    def flush(self, timeout: float) -> None:
        """Return once the queue is empty: each record was sent, spooled, or refused.

        Raises NotRecorded after so many seconds, and InvalidRequest if a record was refused since the last flush.
        """
        with self._changed:
            self._next_attempt = 0.0
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._queue and not self._in_hand, timeout):
                left = len(self._queue) + len(self._in_hand)
                raise NotRecorded(f"{left} records were not recorded yet: {self._failure}") from self._failure
            refused, self._refused = self._refused, None
        if refused is not None:
            raise refused

    def spooled(self) -> int:
        """Return how many records wait in the spool."""
        return self.spool.count() if self.spool is not None else 0

    def close(self, timeout: float) -> None:
        """Take nothing more, flush, and end the thread. What is spooled stays for the next client."""
        if os.getpid() != self._process:
            return  # thread, connection and file are the other process's
        with self._changed:
            self.is_closed = True
        try:
            if self._thread is not None:
                self.flush(timeout)
        finally:
            with self._changed:
                self._is_ending = True
                self._changed.notify_all()
            if self._thread is not None:
                self._thread.join()
                atexit.unregister(self._at_exit)
            self._sender.close()
            if self.spool is not None:
                self.spool.close()

    def _start(self) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ringfence", daemon=True)
                self._thread.start()
                atexit.register(self._at_exit)
            self._changed.notify_all()

    def _at_exit(self) -> None:
        try:
            self.close(self._timeout)
        except Exception as error:
            logger.error("at the end of the process: %s", error)

    def _run(self) -> None:
        while self._wait():
            try:
                if self._must_note() and time.monotonic() >= self._next_attempt:
                    self._note()
                if self.is_spooling and time.monotonic() >= self._next_attempt:
                    self._replay()
                if not self._in_hand:
                    self._take(BATCH_RECORDS // 5 if self.is_replaying else BATCH_RECORDS)
                if self._in_hand:
                    self._deliver()
                self._failure = None
            except Exception as error:  # whatever it is, records wait: the thread must go on
                if self._failure is None:
                    logger.error("records are not delivered: %s", type(error).__name__)
                self._failure = error
                self._wait_longer()

    def _wait(self) -> bool:
        """Wait for work; return False when there will be none."""
        with self._changed:
            while not self._is_ending:
                pause = self._next_attempt - time.monotonic()
                queued = self._queue or self._in_hand
                later = self.is_spooling or self._must_note()
                if (queued and self._failure is None) or ((queued or later) and pause <= 0):
                    return True
                self._changed.wait(pause if queued or later else None)
            return False

    def _must_note(self) -> bool:
        return not self._is_noted and self._tenant_id is not None

    def _note(self) -> None:
        assert self.spool is not None
        assert self._tenant_id is not None
        self.spool.note_tenant(self._tenant_id)
        self._is_noted = True
        with self._changed:
            self.is_spooling = self.is_spooling or self.spool.count() > 0

    def _take(self, most: int) -> None:
        with self._changed:
            size = 0
            while self._queue and len(self._in_hand) < most and size < BATCH_BYTES:
                self._in_hand.append(self._queue.popleft())
                size += len(self._in_hand[-1].encode())
            self._changed.notify_all()

    def _deliver(self) -> None:
        """Bring the batch in hand to the service or into the spool. Raises NotRecorded; what is left stays in hand."""
        while self._in_hand:
            some = self._in_hand[: self._sender.batch_records]
            done = set(self._delivered(some))
            with self._changed:
                self._in_hand = [record for record in self._in_hand if record not in done]
                self._changed.notify_all()

    def _delivered(self, records: list[str]) -> list[str]:
        """Send or spool records; return those that need nothing more. Raises NotRecorded."""
        if self.is_spooling:
            self.keep(records, None)
            return records
        try:
            self._send(records)
        except (Problem, Unavailable) as error:
            if refused := self._sender.refused_record(error, records):
                self._bury(refused, error)
                self._refused = error
                return [refused]
            if self._sender.batch_records < len(records):
                return []
            self.keep(records, error)
            self._note_refusal(error)
        return records

    def _replay(self) -> None:
        """Send the oldest spooled records once."""
        assert self.spool is not None
        rows = self.spool.next(self._sender.batch_records)
        if not rows:
            self._end_spooling()
            return
        rows = rows[: fitting([record for _, record in rows])]
        records = [record for _, record in rows]
        try:
            self._send(records)
        except (Problem, Unavailable) as error:
            if refused := self._sender.refused_record(error, records):
                self._bury(refused, error)
            elif self._sender.batch_records >= len(records):
                self._note_refusal(error)
                self._wait_longer()
        else:
            self.spool.let_go(rows)
            with self._changed:
                self._pause, self._next_attempt = _FIRST_PAUSE, 0.0
                self.is_replaying = True
                self._replayed_batches += 1
                self._changed.notify_all()

    def _send(self, records: list[str]) -> None:
        self.note_tenant(self._sender.send(records))
        self._key_refused = None

    def _note_refusal(self, error: Exception) -> None:
        if isinstance(error, (Unauthenticated, Forbidden)):
            self._key_refused = error

    def _bury(self, record: str, error: Exception) -> None:
        logger.error("a record was refused: %s", error)
        if self.spool is not None:
            self.spool.bury([record], str(error))

    def _end_spooling(self) -> None:
        assert self.spool is not None
        with self._changed:  # nobody appends meanwhile
            if self.spool.count() == 0:
                self.is_spooling = self.is_replaying = False
                self._key_refused = None
                self._changed.notify_all()
                logger.info("the spool is empty")

    def _wait_longer(self) -> None:
        with self._changed:
            self._next_attempt = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self.is_replaying = False
            self._changed.notify_all()
