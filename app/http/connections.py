"""The connections of one worker: limits their number, and the unsent bytes of all together."""

from collections import OrderedDict
from typing import Protocol

MAX_CONNECTIONS = 4_096
"""Connections of one worker. A new one beyond it takes the place of the one that has been idle for longest."""
MAX_UNSENT_BYTES = 16_777_216
"""Bytes of answers in one worker that callers do not read. Beyond it the connection unread for longest is cut."""


class Connection(Protocol):
    """What Connections needs of a connection."""

    def close_idle(self) -> None:
        """Close a connection that has nothing to answer."""

    def cut(self) -> None:
        """Close the connection at once, and drop what was not sent."""

    def unsent_bytes(self) -> int:
        """Return how many bytes wait to be sent."""


class Connections:
    """Every connection of a worker, by its state.

    silent: no request yet. kept: idle between two requests. A silent connection is closed before a kept one: its caller
    loses nothing. The other connections have a request to answer, and stay.
    """

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._silent: OrderedDict[Connection, None] = OrderedDict()
        self._kept: OrderedDict[Connection, None] = OrderedDict()
        self._unread: OrderedDict[Connection, None] = OrderedDict()

    def add(self, connection: Connection) -> bool:
        """Add a new connection. Return False when there are too many, and all have a request to answer."""
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
        """Note that a caller does not read. When too much is unread, cut those that have not read for longest."""
        self._unread[connection] = None
        unsent = sum(each.unsent_bytes() for each in self._unread)
        while unsent > MAX_UNSENT_BYTES and len(self._unread) > 1:  # a single answer may be larger
            longest, _ = self._unread.popitem(last=False)
            unsent -= longest.unsent_bytes()
            longest.cut()

    def note_read(self, connection: Connection) -> None:
        """Note that a caller reads again."""
        self._unread.pop(connection, None)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._all.discard(connection)
        for group in (self._silent, self._kept, self._unread):
            group.pop(connection, None)
