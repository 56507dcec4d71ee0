"""A connection whose caller does not read its answers: nothing more is read from it, and in time it is cut."""

import asyncio
from collections.abc import Callable
from functools import partial

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.connections import Connections
from app.telemetry import metrics

MAX_SEND_SECONDS = 30.0
"""For a caller to read the next 64 KiB of an answer, or the rest of it."""
_SEND_BYTES = 65_536


class UnreadAnswers(HttpToolsProtocol):
    """uvicorn's protocol, with a deadline on all that waits to be sent, and its place among the connections."""

    max_send_seconds = MAX_SEND_SECONDS
    all_connections = Connections()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of it."""
        self._set_deadline(None)
        if self._send_deadline is not None:
            self._send_deadline.cancel()
        self.all_connections.remove(self)
        super().connection_lost(exc)

    def on_caller_reads(self) -> None:
        """Go on where reading was stopped."""

    def on_cut(self) -> None:
        """Let go of what is not answered yet: nobody will hear of it."""

    def pause_writing(self) -> None:
        """Read nothing from a caller that does not read, and cut it in time."""
        super().pause_writing()
        self.flow.pause_reading()
        self._unsent_bytes = self.unsent_bytes()
        self._send_deadline = self.loop.call_later(self.max_send_seconds, self._check_reader)
        self.all_connections.note_unread(self)

    def resume_writing(self) -> None:
        """Go on: the caller has read."""
        if self._send_deadline is not None:
            self._send_deadline.cancel()
        self.all_connections.note_read(self)
        super().resume_writing()
        self.on_caller_reads()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, whether its caller has read the last answer or not."""
        super().timeout_keep_alive_handler()
        self._wait_for_end()

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

    def _wait_for_end(self, unsent_before: int | None = None) -> None:
        """Cut a connection that is being closed, once its caller reads no more of what is still to be sent."""
        unsent = self.unsent_bytes()
        if unsent_before is not None and unsent > unsent_before - _SEND_BYTES:
            self.cut()
        else:
            self._set_deadline(self.max_send_seconds, partial(self._wait_for_end, unsent))

    def _check_reader(self) -> None:
        unsent = self.unsent_bytes()
        if unsent > self._unsent_bytes - _SEND_BYTES:
            self.cut()
        else:
            self._unsent_bytes = unsent
            self._send_deadline = self.loop.call_later(self.max_send_seconds, self._check_reader)

    def _set_deadline(self, seconds: float | None, then: Callable[[], None] | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, then) if seconds is not None and then is not None else None
