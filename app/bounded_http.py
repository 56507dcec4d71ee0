"""HTTP/1.1 with bounds on what a caller may send, and keep waiting, before the application hears of a request.

uvicorn bounds neither the size of a request's head nor the time it takes, and answers what it cannot parse with plain
text.
"""

import asyncio
import json
import secrets
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 32_768
"""Of request line and headers."""
MOST_HEADERS = 100
MOST_HEAD_SECONDS = 15.0
"""From the first byte of a head to its end, and from a new connection to the first head."""
MOST_CONNECTIONS = 4_096
"""Of one worker."""


class BoundedHttp(HttpToolsProtocol):
    """One connection. Where a bound is broken it is told so, and closed."""

    _head_seconds = MOST_HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._head_is_complete = False
        self._is_refused = False
        self._head_deadline: asyncio.TimerHandle | None = None
        self._wait_for_head()
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(503, "storage-unavailable", "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let it go."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes."""
        if self._is_refused:
            return
        if not self._head_is_complete:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._head_is_complete and self._head_bytes and not self._is_refused:
            # Rare: a head nearly always comes in one piece.
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(431, "head-too-large", f"a request's head has at most {MOST_HEAD_BYTES:,} bytes")
            elif self._head_deadline is None:
                self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Hand the request on, once its head is known to be within bounds."""
        self._head_is_complete = True
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.headers) > MOST_HEADERS:
            self._refuse(431, "head-too-large", f"a request has at most {MOST_HEADERS} headers")
        elif size > MOST_HEAD_BYTES:
            self._refuse(431, "head-too-large", f"a request's head has at most {MOST_HEAD_BYTES:,} bytes")
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect another head."""
        self._head_is_complete = False
        self._head_bytes = 0
        if not self._is_refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed."""
        del msg
        self._refuse(400, "bad-request", "this is not HTTP as RFC 9112 has it")

    def _wait_for_head(self) -> None:
        self._head_deadline = self.loop.call_later(self._head_seconds, self._be_late)

    def _stop_waiting(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _be_late(self) -> None:
        self._refuse(408, "request-timeout", f"a request's head comes within {self._head_seconds:g} seconds")

    def _refuse(self, status: int, kind: str, detail: str) -> None:
        self._is_refused = True
        self._stop_waiting()
        if self.transport.is_closing():
            return
        trace_id = secrets.token_hex(16)
        phrase = HTTPStatus(status).phrase
        problem: dict[str, Any] = {"type": f"urn:ringfence:problem:{kind}", "title": phrase, "status": status}
        content = json.dumps({**problem, "detail": detail, "trace_id": trace_id})
        # An answer that is being written is cut: half of it is none.
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            head = (
                f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\nx-trace-id: {trace_id}\r\n"
                f"content-length: {len(content)}\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
            )
            self.transport.write((head + content).encode())
        self.transport.close()
