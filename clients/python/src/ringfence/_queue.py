"""The queue: records in memory, which callers append, and which a thread takes in batches."""

import threading
from collections import deque
from collections.abc import Collection

from ringfence._errors import NotRecorded, Problem
from ringfence._sender import BATCH_BYTES


class Queue:
    """A bounded queue. It touches no disk, and blocks only where that is said: an event loop may append to it.

    changed: held for memory alone; notified when there may be something to do, or less of it. in_hand: the batch that
    the thread has taken and not settled. failure: why it cannot settle it, while it cannot. refused: what the service
    said to a record that it refused for good, since the last flush.
    """

    def __init__(self, size: int, timeout: float) -> None:
        """size: records. timeout: seconds that append() waits for room."""
        self.changed = threading.Condition()
        self.in_hand: list[str] = []
        self.failure: Exception | None = None
        self.refused: Problem | None = None
        self.is_closed = False
        self._size = size
        self._timeout = timeout
        self._queued: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._queued) + len(self.in_hand)

    def append(self, record: str, *, block: bool) -> bool:
        """Append a record; return False where the queue is full and `block` is not set.

        Raises NotRecorded when there is no room in time, and when what is queued can be neither sent nor spooled.
        """
        with self.changed:
            self._check()
            if len(self._queued) >= self._size and not block:
                return False
            if not self.changed.wait_for(lambda: len(self._queued) < self._size, self._timeout):
                raise NotRecorded("the queue is full")
            self._check()  # again: waiting has let others close it
            self._queued.append(record)
            self.changed.notify_all()
            return True

    def take(self, most: int) -> None:
        """Take the next batch in hand, of so many records at most."""
        with self.changed:
            size = 0
            while self._queued and len(self.in_hand) < most and size < BATCH_BYTES:
                self.in_hand.append(self._queued.popleft())
                size += len(self.in_hand[-1].encode())
            self.changed.notify_all()

    def settle(self, records: Collection[str]) -> None:
        """Let go of records in hand: each was sent, spooled or refused."""
        done = set(records)
        with self.changed:
            self.in_hand = [record for record in self.in_hand if record not in done]
            self.changed.notify_all()

    def wait_until_settled(self, timeout: float) -> None:
        """Return once nothing is queued or in hand.

        Raises NotRecorded after so many seconds, and Problem if a record was refused since the last call.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: len(self) == 0, timeout):
                raise NotRecorded(f"{len(self)} records were not recorded yet: {self.failure}") from self.failure
            refused, self.refused = self.refused, None
        if refused is not None:
            raise refused

    def close(self) -> None:
        """Take nothing more from callers."""
        with self.changed:
            self.is_closed = True

    def _check(self) -> None:
        if self.is_closed:
            raise NotRecorded("the client is closed")
        if self.failure is not None:
            raise NotRecorded(f"the queue cannot be emptied: {self.failure}") from self.failure
