"""The connections of one worker: at most so many, and what waits to be sent on all of them together."""

from collections import OrderedDict
from typing import Protocol

MAX_CONNECTIONS = 4_096
"""Of one worker. One more takes the place of the one that has been idle for longest."""
MAX_UNSENT_BYTES = 16_777_216
"""Of answers whose callers do not read them, in one worker. Beyond it the one that has waited longest is cut."""


class Connection(Protocol):
    """What is asked of a connection here."""

    def close_idle(self) -> None:
        """Close it: it has nothing to answer."""

    def cut(self) -> None:
        """Close it at once, and drop what was not sent."""

    def unsent_bytes(self) -> int:
        """Return how many bytes wait to be sent."""


class Connections:
    """Every connection of a worker, by what it does.

    silent: connected, and no request yet. kept: idle between two requests. A silent one is closed before a kept one:
    its caller has lost nothing. Connections that are neither have a request to answer, and keep their places.
    """

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._silent: OrderedDict[Connection, None] = OrderedDict()
        self._kept: OrderedDict[Connection, None] = OrderedDict()
        self._unread: OrderedDict[Connection, None] = OrderedDict()

    def add(self, connection: Connection) -> bool:
        """Add a connection that has just been made; False when every other one has a request to answer."""
        self._all.add(connection)
        if len(self._all) > MAX_CONNECTIONS:
            idle = self._silent or self._kept
            if not idle:
                return False
            oldest, _ = idle.popitem(last=False)
            oldest.close_idle()
        self._silent[connection] = None
        return True

    def note_request(self, connection: Connection) -> None:
        """Note that a connection has a request to answer."""
        self._silent.pop(connection, None)
        self._kept.pop(connection, None)

    def note_idle(self, connection: Connection) -> None:
        """Note that a connection has answered all its requests."""
        self._kept[connection] = None

    def note_unread(self, connection: Connection) -> None:
        """Note that a caller does not read; where too much is unread, cut the caller who has not read for longest."""
        self._unread[connection] = None
        unsent = sum(each.unsent_bytes() for each in self._unread)
        while unsent > MAX_UNSENT_BYTES and len(self._unread) > 1:  # an answer may be larger by itself
            longest, _ = self._unread.popitem(last=False)
            unsent -= longest.unsent_bytes()
            longest.cut()

    def note_read(self, connection: Connection) -> None:
        """Note that a caller has read what waited."""
        self._unread.pop(connection, None)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._all.discard(connection)
        for place in (self._silent, self._kept, self._unread):
            place.pop(connection, None)
