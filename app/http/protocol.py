"""One HTTP/1.1 connection: uvicorn's protocol on httptools, with a bound on everything that a caller decides.

A caller decides how large a head, a trailer or the framing of chunks is, how long each part of a message takes, how
many requests it sends without reading the answers, and how fast it reads. httptools and uvicorn bound none of these.
Requests whose meaning is in doubt are refused (app/http/head.py). An offer to upgrade is ignored and its request served
(RFC 9110, section 7.8); fields of a trailer never count as headers (section 6.5.1).

Why not uvicorn's protocol on h11, which does some of this by itself: docs/decisions/0001-http-protocol.md.
"""

import asyncio
from collections import deque
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


from app.http.head import HeadRefused, check_head, head_bytes, without_upgrade
from app.http.load_shedding import Slot, admit
from app.http.problems import edge_problem
from app.http.unread import UnreadAnswers

MAX_HEAD_BYTES = 32_768
"""Of request line and headers; and of framing or trailer fields without a byte of the body between them."""
MAX_HEAD_SECONDS = 15.0
"""From the first byte of a head to its end, and from a new connection to the end of the first head."""
MAX_PIPELINED = 16
"""Requests that came before the answer to an earlier one on the same connection; none where that one is refused."""
SHED_SECONDS = 1.0
"""How long nothing is read from a connection whose request was refused for load: as long as its Retry-After says."""
LINGER_SECONDS = 2.0
MAX_DISCARDED_BYTES = 4_194_304
"""What a caller may go on sending once it is answered, before the connection is reset: a reset can lose the answer."""


_Request = tuple[bytes, bytes, bytes | None, str, bytes | None, str]
"""What app.http.load_shedding.admit() asks for."""


class _TooManyPipelined(Exception):
    """The caller sends requests without waiting for answers."""


class HttpProtocol(UnreadAnswers):
    """One connection. A caller that breaks a bound gets a problem, and the connection is closed."""

    max_head_seconds = MAX_HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._head_is_complete = False
        self._bytes_since_body = 0
        self._discarded_bytes = 0
        self._credential: bytes | None = None
        self._forwarded_for: bytes | None = None
        self._is_refused = False  # nothing more is read
        self._is_shed = False  # the rest of this request is skipped
        self._is_cooling = False  # nothing is read for a while
        self._serving: RequestResponseCycle | None = None
        self._is_postponed = False  # the next pipelined request waits until the caller reads
        self._slots: deque[Slot] = deque()  # of the request that is served, if any
        self._queued: deque[tuple[_Request, dict[str, Any]]] = deque()  # what the pipelined ones ask for, oldest first
        self._set_deadline(self.max_head_seconds, self._time_out_head)
        if not self.all_connections.add(self):
            self._refuse(503, "storage-unavailable", "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of all that the connection held."""
        self._unset_keepalive_if_required()
        self._end_cycles()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes."""
        if self._is_refused:
            self._discard(len(data))
            return
        if self._head_is_complete:
            self._bytes_since_body += len(data)
        else:
            self._unset_keepalive_if_required()
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # The parser takes what follows for another protocol. A new one reads the same request without the offer.
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
                    self._refuse(400, "bad-request", "this is not HTTP as RFC 9112 has it")
        else:
            self._check_bounds()

    def _check_bounds(self) -> None:
        if not self._head_is_complete:
            # Rare: a head nearly always comes in one piece.
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "head-too-large", f"a request's head has at most {MAX_HEAD_BYTES:,} bytes")
            elif self._head_bytes and self._deadline is None:
                self._set_deadline(self.max_head_seconds, self._time_out_head)
        elif self._is_shed:  # its answer is sent, and the rest of its body is not waited for
            self._linger()
        elif not self._slots:  # it is answered, and its connection closed in five seconds, as an idle one
            self._discard(self._bytes_since_body)
            self._bytes_since_body = 0
        elif self._bytes_since_body > MAX_HEAD_BYTES:
            self._refuse(431, "head-too-large", f"chunk framing and trailers have at most {MAX_HEAD_BYTES:,} bytes")
        elif self.cycle is self._serving and not self._slots[-1].wait_elsewhere():
            self._refuse(503, "storage-unavailable", "too many unfinished requests")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._credential = self._forwarded_for = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a field of a trailer is none."""
        if self._head_is_complete:
            return
        super().on_header(name, value)
        name = self.headers[-1][0]
        if name == b"authorization":
            self._credential = b"".join(value.split()[-1:])  # however its scheme is written
        elif name == b"x-tenant-id" and self._credential is None:
            self._credential = value
        elif name == b"x-forwarded-for":
            self._forwarded_for = value

    def on_headers_complete(self) -> None:
        """Hand a request on, unless there are too many already."""
        self._set_deadline(None)
        self._unset_keepalive_if_required()
        method = self.parser.get_method()
        check_head(method, self.url, self.parser.get_http_version(), self.headers)
        if self._head_bytes > MAX_HEAD_BYTES and head_bytes(self.url, self.headers) > MAX_HEAD_BYTES:
            raise HeadRefused(f"a request's head has at most {MAX_HEAD_BYTES:,} bytes", 431, "head-too-large")
        if self.parser.should_upgrade():
            return  # data_received() reads it again
        if self._is_cooling or len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyPipelined
        self._head_is_complete = True
        self._bytes_since_body = 0
        peer = self.client[0] if self.client else ""
        proxies = str(self.config.forwarded_allow_ips)
        request = (method, self.url, self._credential, peer, self._forwarded_for, proxies)
        if self._serving is not None:
            self._queued.append((request, self.scope["state"]))  # it is admitted when its turn comes
        elif (slot := admit(*request)) is not None:
            self._slots.append(slot)
            self.scope["state"]["slot"] = slot
        else:
            self._shed(method)
            return
        self.all_connections.note_request(self)
        super().on_headers_complete()
        if self._serving is None:
            self._serving = self.cycle
        if self.expect_100_continue:
            # A caller that is refused without "100 Continue" need not send its body: what follows could be either.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if self._slots:
            self._bytes_since_body = 0
        if not self._is_shed:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect another head."""
        if not self._head_is_complete:  # an offer to upgrade
            return
        self._head_is_complete = False
        self._head_bytes = self._discarded_bytes = 0
        if self._is_shed:
            self._is_shed = False
            return
        if self._slots and self.cycle is self._serving:
            self._slots[-1].serve()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin the next pipelined request, once the caller reads."""
        if self._slots:
            self._slots.popleft().leave()
        if self._serving is not None:
            self._serving.body = bytearray()  # what came of a body that nobody reads any more
        if self.transport.is_closing():
            self._wait_for_end()
        elif self.pipeline and self.flow.write_paused:
            self._is_postponed = True
        else:
            self._serve_next()

    def on_caller_reads(self) -> None:
        """Go on: the caller has read."""
        if self._is_postponed:
            self._serve_next()
        elif not self.pipeline and not self._is_refused and not self._is_cooling:
            self.flow.resume_reading()

    def _serve_next(self) -> None:
        self._is_postponed = False
        if self._queued:
            request, state = self._queued.popleft()
            slot = admit(*request)
            if slot is None:
                self._end_cycles()
                self.transport.write(edge_problem(503, "storage-unavailable", "too many requests at once", closes=True))
                self._linger()
                return
            state["slot"] = slot
            self._slots.append(slot)
        self._serving = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if self.pipeline or self.flow.write_paused or self._is_refused:
            self.flow.pause_reading()
        if self._serving is None:
            self.all_connections.note_idle(self)

    def _shed(self, method: bytes) -> None:
        """Refuse a request for load, in a few microseconds, and slow down a caller that asks again at once."""
        self._is_shed = True
        closes = not self.parser.should_keep_alive()
        detail = "too many requests at once"
        answer = edge_problem(503, "storage-unavailable", detail, closes=closes, with_body=method != b"HEAD")
        self.transport.write(answer)
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
        self._refuse(408, "request-timeout", f"a request's head comes within {self.max_head_seconds:g} seconds")

    def _refuse(self, status: int, kind: str, detail: str) -> None:
        """Answer with a problem, unless an answer has begun, and read nothing more."""
        if self._is_refused:
            return
        if self._serving is not None and not (self._head_is_complete and self.cycle is self._serving):
            # Requests that came before it are answered first, and then the connection is closed.
            if self._head_is_complete:
                self.pipeline.popleft()
                self._queued.pop()
            self._read_no_more()
            return
        is_answering = self._serving is not None and self._serving.response_started
        self._end_cycles()
        if is_answering:
            self.cut()  # half an answer must not look like a whole one
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
        """Close once the caller has had time to read the answer: closed with bytes unread, it would be reset."""
        self._is_refused = True
        self._set_deadline(LINGER_SECONDS, self.cut)
        self._unset_keepalive_if_required()
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > MAX_DISCARDED_BYTES:
            self.cut()

    def on_cut(self) -> None:
        """Let go of all requests."""
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
        while self._slots:
            self._slots.popleft().leave()
