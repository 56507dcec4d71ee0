"""The connections of one worker: limits their number, and the unsent bytes of all together.

A connection whose caller does not read its answers is read no further, and in time it is cut.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.telemetry import metrics

MAX_CONNECTIONS = 4_096
"""Connections of one worker. A new one beyond it takes the place of the one that has been idle for longest."""
MAX_UNSENT_BYTES = 16_777_216
"""Bytes of answers in one worker that callers do not read. Beyond it the connection unread for longest is cut."""
MAX_SEND_SECONDS = 30.0
"""For a caller to read the next 64 KiB of an answer, or the rest of it."""
_SEND_BYTES = 65_536


class Connections:
    """Every connection of a worker, by its state.

    silent: no request yet. kept: idle between two requests. A silent connection is closed before a kept one: its caller
    loses nothing. The other connections have a request to answer, and stay.
    """

    def __init__(self) -> None:
        self._all: set[UnreadAnswers] = set()
        self._silent: OrderedDict[UnreadAnswers, None] = OrderedDict()
        self._kept: OrderedDict[UnreadAnswers, None] = OrderedDict()
        self._unread: OrderedDict[UnreadAnswers, None] = OrderedDict()

    def add(self, connection: "UnreadAnswers") -> bool:
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

    def note_request(self, connection: "UnreadAnswers") -> None:
        """Note that a connection has a request to answer."""
        self._silent.pop(connection, None)
        self._kept.pop(connection, None)

    def note_idle(self, connection: "UnreadAnswers") -> None:
        """Note that a connection has answered all its requests."""
        self._kept[connection] = None

    def note_unread(self, connection: "UnreadAnswers") -> None:
        """Note that a caller does not read. When too much is unread, cut those that have not read for longest."""
        self._unread[connection] = None
        unsent = sum(each.unsent_bytes() for each in self._unread)
        while unsent > MAX_UNSENT_BYTES and len(self._unread) > 1:  # a single answer may be larger
            longest, _ = self._unread.popitem(last=False)
            unsent -= longest.unsent_bytes()
            longest.cut()

    def note_read(self, connection: "UnreadAnswers") -> None:
        """Note that a caller reads again."""
        self._unread.pop(connection, None)

    def remove(self, connection: "UnreadAnswers") -> None:
        """Forget a connection that has ended."""
        self._all.discard(connection)
        for group in (self._silent, self._kept, self._unread):
            group.pop(connection, None)


class UnreadAnswers(HttpToolsProtocol):
    """uvicorn's protocol, with a deadline for callers to read their answers, and its entry in the list of connections.

    uvicorn takes a protocol class of one's own, but documents none of its attributes. They are used here and in
    app/http/protocol.py only; tests/http send what they guard against on real sockets.
    """

    max_send_seconds = MAX_SEND_SECONDS
    all_connections = Connections()

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        self._forget_reader()
        self._stop_keep_alive()
        self.all_connections.remove(self)
        super().connection_lost(exc)

    def on_caller_reads(self) -> None:
        """Continue where reading was stopped."""

    def on_cut(self) -> None:
        """Drop all requests that are not answered."""

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()
        self._watch_reader()
        self.all_connections.note_unread(self)

    @override
    def resume_writing(self) -> None:
        if not self.transport.is_closing():
            self._forget_reader()
        self.all_connections.note_read(self)
        super().resume_writing()
        self.on_caller_reads()

    @override
    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_end()

    def close_idle(self) -> None:
        """Close a connection that has nothing to answer."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()

    def cut(self) -> None:
        """Close the connection at once, and drop what was not sent."""
        if self.unsent_bytes():
            metrics.CUT.inc()
        self.on_cut()
        self.transport.abort()

    def unsent_bytes(self) -> int:
        """Return how many bytes wait to be sent."""
        return self.transport.get_write_buffer_size()

    def _watch_reader(self) -> None:
        """Cut the connection unless the caller reads on in time."""
        self._forget_reader()
        self._send_deadline = self.loop.call_later(self.max_send_seconds, self._check_reader, self.unsent_bytes())

    def _watch_end(self) -> None:
        """Watch the caller of a connection that closes: what is left to send must be read in time as well."""
        if not self.flow.write_paused:  # else the caller is watched already
            self._watch_reader()

    def _check_reader(self, unsent_before: int) -> None:
        if self.unsent_bytes() > unsent_before - _SEND_BYTES:
            self.cut()
        else:
            self._watch_reader()

    def _forget_reader(self) -> None:
        if self._send_deadline is not None:
            self._send_deadline.cancel()

    def _stop_keep_alive(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _set_deadline(self, seconds: float | None, then: Callable[[], None] | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, then) if seconds is not None and then is not None else None
