"""One HTTP/1.1 connection: uvicorn's protocol on httptools, with a limit on everything that a caller decides.

A caller decides how large a head, a trailer or the framing of chunks is, how long each part of a message takes, how
many requests it sends before it reads the answers, and how fast it reads. httptools and uvicorn limit none of these.
Ambiguous requests are refused (app/http/head.py). An offer to upgrade is ignored and its request served (RFC 9110,
section 7.8); trailer fields never count as headers (section 6.5.1). docs/decisions/0001-http-protocol.md compares this
with uvicorn's protocol on h11.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.http.connections import UnreadAnswers
from app.http.head import HeadRefused, check_head, head_bytes, without_upgrade
from app.http.load_shedding import Slot, admit
from app.http.problems import edge_problem

MAX_HEAD_BYTES = 32_768
"""Bytes of request line and headers; also of chunk framing or trailer fields without a byte of the body between."""
MAX_HEAD_SECONDS = 15.0
"""From the first byte of a head to its end, and from a new connection to the end of the first head."""
MAX_PIPELINED = 16
"""Requests that wait for the answer to an earlier one on the same connection."""
SHED_SECONDS = 1.0
"""How long nothing is read from a connection whose request was refused for load: as long as its Retry-After says."""
LINGER_SECONDS = 2.0
MAX_DISCARDED_BYTES = 4_194_304
"""What a caller may still send once it is answered, before the connection is reset: a reset can lose the answer."""


_Ask = Callable[[], Slot | None]
"""Asks for a slot of one request."""
_TOO_MANY = "too many requests at once"
_HEAD_TOO_LARGE = f"a request's head has at most {MAX_HEAD_BYTES:,} bytes"


class _TooManyPipelined(Exception):
    """The caller sends requests without waiting for answers."""


class HttpProtocol(UnreadAnswers):
    """One connection. A caller that breaks a limit gets a problem, and the connection is closed."""

    max_head_seconds = MAX_HEAD_SECONDS

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = 0
        self._head_is_complete = False
        self._bytes_since_body = 0
        self._discarded_bytes = 0
        self._is_refused = False  # nothing more is read
        self._is_shed = False  # the rest of this request is skipped
        self._is_cooling = False  # nothing is read for a while
        self._serving: RequestResponseCycle | None = None
        self._is_postponed = False  # the next pipelined request waits until the caller reads
        self._slot: Slot | None = None  # of the request in service
        self._queued: deque[tuple[_Ask, dict[str, Any]]] = deque()  # pipelined requests and their states, oldest first
        self._set_deadline(self.max_head_seconds, self._time_out_head)
        if not self.all_connections.add(self):
            self._refuse(503, "storage-unavailable", "too many connections")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end_cycles()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            self._discard(len(data))
            return
        if self._head_is_complete:
            self._bytes_since_body += len(data)
        else:
            self._stop_keep_alive()
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # The parser reads what follows as another protocol. A new parser reads the request again without the offer.
            head = without_upgrade(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
            self.parser = httptools.HttpRequestParser(self)
            self._head_bytes = 0
            self.data_received(head + data[offer.args[0] :])
        except httptools.HttpParserError as error:
            match error.__context__:
                case _TooManyPipelined():
                    self._read_no_more()
                case HeadRefused() as refusal:
                    self._refuse(refusal.status, refusal.kind, str(refusal))
                case _:
                    self._refuse(400, "bad-request", "this is not HTTP/1.1 as defined by RFC 9112")
        else:
            self._check_bounds()

    def _check_bounds(self) -> None:
        if not self._head_is_complete:
            # Rare: nearly every head comes in one piece.
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "head-too-large", _HEAD_TOO_LARGE)
            elif self._head_bytes and self._deadline is None:
                self._set_deadline(self.max_head_seconds, self._time_out_head)
        elif self._is_shed:  # the answer is sent; do not wait for the rest of the body
            self._linger()
        elif self._slot is None:  # answered; the keep-alive timer closes the connection
            self._discard(self._bytes_since_body)
            self._bytes_since_body = 0
        elif self._bytes_since_body > MAX_HEAD_BYTES:
            self._refuse(431, "head-too-large", f"chunk framing and trailers have at most {MAX_HEAD_BYTES:,} bytes")
        elif self.cycle is self._serving and not self._slot.block():
            self._refuse(503, "storage-unavailable", "too many unfinished requests")

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_is_complete:  # else it is a field of a trailer
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._set_deadline(None)
        self._stop_keep_alive()
        method = self.parser.get_method()
        check_head(method, self.url, self.parser.get_http_version(), self.headers)
        if self._head_bytes > MAX_HEAD_BYTES and head_bytes(self.url, self.headers) > MAX_HEAD_BYTES:
            raise HeadRefused(_HEAD_TOO_LARGE, 431, "head-too-large")
        if self.parser.should_upgrade():
            return  # data_received() reads the request again
        if self._is_cooling or len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyPipelined
        self._head_is_complete = True
        self._bytes_since_body = 0
        peer = self.client[0] if self.client else ""
        ask = partial(admit, method, self.url, self.headers, peer, str(self.config.forwarded_allow_ips))
        if self._serving is not None:
            self._queued.append((ask, self.scope["state"]))  # admitted when its turn comes
        elif (slot := ask()) is not None:
            self._slot = self.scope["state"]["slot"] = slot
        else:
            self._shed(method)
            return
        self.all_connections.note_request(self)
        super().on_headers_complete()
        if self._serving is None:
            self._serving = self.cycle
        if self.expect_100_continue:
            # A caller that is refused before "100 Continue" may leave its body out: the next bytes would be ambiguous.
            self.cycle.keep_alive = False

    @override
    def on_body(self, body: bytes) -> None:
        if self._slot is not None:
            self._bytes_since_body = 0
        if not self._is_shed:
            super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if not self._head_is_complete:  # an offer to upgrade
            return
        self._head_is_complete = False
        self._head_bytes = self._discarded_bytes = 0
        if self._is_shed:
            self._is_shed = False
            return
        if self._slot is not None and self.cycle is self._serving:
            self._slot.serve()
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        self._leave_slot()
        if self._serving is not None:
            self._serving.body = bytearray()  # nobody reads the rest of the body
        if self.transport.is_closing():
            self._watch_end()
        elif self.pipeline and self.flow.write_paused:
            self._is_postponed = True  # until the caller reads
        else:
            self._serve_next()

    @override
    def on_caller_reads(self) -> None:
        if self._is_postponed:
            self._serve_next()
        elif not self.pipeline and not self._is_refused and not self._is_cooling:
            self.flow.resume_reading()

    def _serve_next(self) -> None:
        self._is_postponed = False
        if self._queued:
            ask, state = self._queued.popleft()
            slot = ask()
            if slot is None:
                self._end_cycles()
                self.transport.write(edge_problem(503, "storage-unavailable", _TOO_MANY, closes=True))
                self._linger()
                return
            self._slot = state["slot"] = slot
        self._serving = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if self.pipeline or self.flow.write_paused or self._is_refused:
            self.flow.pause_reading()
        if self._serving is None:
            self.all_connections.note_idle(self)

    def _shed(self, method: bytes) -> None:
        """Refuse a request for load, in a few microseconds, and read nothing more from its caller for a second."""
        self._is_shed = True
        closes = not self.parser.should_keep_alive()
        with_body = method != b"HEAD"
        self.transport.write(edge_problem(503, "storage-unavailable", _TOO_MANY, closes=closes, with_body=with_body))
        if closes:
            self._linger()
        else:
            self._is_cooling = True
            self.flow.pause_reading()
            self.timeout_keep_alive_task = self.loop.call_later(SHED_SECONDS, self._read_again)

    def _read_again(self) -> None:
        self._is_cooling = False
        self.flow.resume_reading()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _time_out_head(self) -> None:
        self._refuse(408, "request-timeout", f"a request's head arrives within {self.max_head_seconds:g} seconds")

    def _refuse(self, status: int, kind: str, detail: str) -> None:
        """Answer with a problem and read nothing more. If an answer has begun, cut it."""
        if self._is_refused:
            return
        if self._serving is not None and not (self._head_is_complete and self.cycle is self._serving):
            # Answer the requests before this one, then close without an answer to this one.
            if self._head_is_complete:
                self.pipeline.popleft()
                self._queued.pop()
            self._read_no_more()
            return
        is_answering = self._serving is not None and self._serving.response_started
        self._end_cycles()
        if is_answering:
            self.cut()  # half an answer must not look complete
        else:
            self.transport.write(edge_problem(status, kind, detail, closes=True))
            self._linger()

    def _read_no_more(self) -> None:
        self._is_refused = True
        self._set_deadline(None)
        self.flow.pause_reading()
        newest = self.pipeline[0][0] if self.pipeline else self._serving
        if newest is None:
            self._linger()
        else:
            newest.keep_alive = False

    def _linger(self) -> None:
        """Close after a delay, in which the caller reads the answer: a close with unread bytes would reset it."""
        self._is_refused = True
        self._set_deadline(LINGER_SECONDS, self.cut)
        self._stop_keep_alive()
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > MAX_DISCARDED_BYTES:
            self.cut()

    @override
    def on_cut(self) -> None:
        self._is_refused = True
        self._end_cycles()

    def _end_cycles(self) -> None:
        for cycle in (self._serving, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
        self._serving = None
        self.pipeline.clear()
        self._queued.clear()
        self._leave_slot()

    def _leave_slot(self) -> None:
        if self._slot is not None:
            self._slot.leave()
            self._slot = None
