"""Places that the shipper ships to, on real ports of 127.0.0.1, which fail on purpose."""

import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

KEY = b"a key of the tests, of 32 bytes."
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
TOKEN = "11111111-2222-3333-4444-555555555555"


R = TypeVar("R", bound="Receiver")


class Fault(Enum):
    """What a receiver does with a request. Those that begin with TAKE have taken it, and the caller cannot know."""

    NONE = auto()
    ANSWER_LATE = auto()
    REFUSE = auto()
    CLOSE = auto()
    REDIRECT = auto()
    TAKE_AND_REFUSE = auto()
    TAKE_AND_CLOSE = auto()
    TAKE_AND_ANSWER_HALF = auto()
    TAKE_AND_ANSWER_TOO_MUCH = auto()
    TAKE_AND_STALL = auto()


@dataclass
class Receiver:
    """A receiver of HTTP. asked: the requests, as (path, headers in lower case, body). next_fault: asked for each."""

    url: str = ""
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    next_fault: Callable[[], Fault] = lambda: Fault.NONE
    released: threading.Event = field(default_factory=threading.Event)

    def fail(self, *faults: Fault) -> None:
        """Do these things with the next requests, one after another."""
        left = list(faults)
        self.next_fault = lambda: left.pop(0) if left else Fault.NONE

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Take a request, and return the answer."""
        raise NotImplementedError


@dataclass
class WebhookReceiver(Receiver):
    """Takes signed batches. taken: of every request that it took, the id and the lines, doubles among them."""

    taken: list[tuple[str, list[bytes]]] = field(default_factory=list)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Check the signature as Standard Webhooks has it, and take the batch."""
        assert path == "/hook"
        identity, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        wanted = hmac.digest(KEY, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256)
        if headers["webhook-signature"] != f"v1,{base64.b64encode(wanted).decode()}":
            return 401, b""
        assert abs(time.time() - int(timestamp)) < 300
        self.taken.append((identity, body.removesuffix(b"\n").split(b"\n")))
        return 204, b""

    def all_lines(self) -> list[bytes]:
        """Return what came, in order."""
        return [line for _, lines in list(self.taken) for line in lines]

    def lines(self) -> list[bytes]:
        """Return what it has, in order: a batch whose id it had already is dropped."""
        seen: set[str] = set()
        kept: list[bytes] = []
        for identity, lines in list(self.taken):
            if identity not in seen:
                seen.add(identity)
                kept += lines
        return kept


@dataclass
class SplunkReceiver(Receiver):
    """An Event Collector. events: what is indexed; when_asked: how often a batch is asked for before it is."""

    events: list[dict[str, object]] = field(default_factory=list)
    acknowledges: bool = True
    when_asked: int = 2
    _waiting: dict[tuple[str, int], tuple[int, bytes]] = field(default_factory=dict)
    _number: int = -1

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Take events, or say what is indexed."""
        assert headers["authorization"] == f"Splunk {TOKEN}"
        channel = headers["x-splunk-request-channel"]
        if path == f"/services/collector/ack?channel={channel}":
            acks = {str(number): self._is_indexed(channel, number) for number in json.loads(body)["acks"]}
            return 200, json.dumps({"acks": acks}).encode()
        assert path == "/services/collector/event"
        self._number += 1
        self._waiting[channel, self._number] = (self.when_asked, body)
        more = {"ackId": self._number} if self.acknowledges else {}
        return 200, json.dumps({"text": "Success", "code": 0, **more}).encode()

    def restart(self) -> None:
        """Lose what is not indexed yet, and every number."""
        self._waiting.clear()

    def _is_indexed(self, channel: str, number: int) -> bool:
        if (channel, number) not in self._waiting:
            return False
        left, body = self._waiting[channel, number]
        self._waiting[channel, number] = (left - 1, body)
        if left > 1:
            return False
        del self._waiting[channel, number]  # each is answered with true once
        decoder, text = json.JSONDecoder(), body.decode()
        while text:
            event, end = decoder.raw_decode(text)
            self.events.append(event)
            text = text[end:].lstrip()
        return True


@contextmanager
def receiving(receiver: R, port: int = 0) -> Iterator[R]:
    """Serve a receiver until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(404, b"")

        def do_PUT(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            receiver.asked.append((self.path, headers, body))
            fault = receiver.next_fault()
            try:
                self._act(fault, headers, body)
            except ConnectionError:
                self.close_connection = True  # the caller did not wait for the answer

        def _act(self, fault: Fault, headers: dict[str, str], body: bytes) -> None:
            if fault is Fault.REFUSE:
                self._answer(500, b"a secret of the receiver")
            elif fault is Fault.REDIRECT:
                self._answer(307, b"", {"Location": f"{receiver.url}/elsewhere"})
            elif fault is Fault.CLOSE:
                self._reset()
            else:
                self._answer_taken(fault, *receiver.take(self.path, headers, body))

        def _answer_taken(self, fault: Fault, status: int, body: bytes) -> None:
            if fault is Fault.TAKE_AND_REFUSE:
                self._answer(500, b"a secret of the receiver")
            elif fault is Fault.TAKE_AND_CLOSE:
                self._reset()
            elif fault is Fault.TAKE_AND_ANSWER_HALF:
                self._answer(200, b"half", {"Content-Length": "1000"})
                self.close_connection = True
            elif fault is Fault.TAKE_AND_ANSWER_TOO_MUCH:
                self._answer(200, bytes(1_000_000))
            elif fault is Fault.TAKE_AND_STALL:
                receiver.released.wait(30)
                self.close_connection = True
            else:
                if fault is Fault.ANSWER_LATE:
                    receiver.released.wait(30)
                self._answer(status, body)

        def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | (more or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
