"""A gateway between client and service, which may answer in the service's place."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Record = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """An answer of the gateway's own.

    pause: seconds between the pieces of an answer without an end, each of which is `body`.
    """

    status: int
    body: bytes = b""
    media_type: str = "text/html"
    pause: float | None = None


LOGIN_PAGE = Reply(200, b"<html>Please log in.</html>")
REDIRECT = Reply(302)


def problem(status: int, kind: str) -> Reply:
    """Return a problem as the service has it, which names no record."""
    body = {"type": f"urn:ringfence:problem:{kind}", "status": status, "detail": "as the test says"}
    return Reply(status, json.dumps(body).encode(), "application/problem+json")


@dataclass
class Gateway:
    """Passes requests on. answer: gets the records of each request, and may have a reply in the service's place.

    requests: how many records each request had.
    """

    service_url: str
    url: str = ""
    answer: Callable[[list[Record]], Reply | None] = lambda _: None
    requests: list[int] = field(default_factory=list)

    def always(self, reply: Reply | None) -> None:
        """Give this reply to every request; None: pass them on."""
        self.answer = lambda _: reply

    def refuse(self, agent: str, reply: Reply) -> None:
        """Give this reply to requests with a record of this agent."""
        self.answer = lambda records: reply if agent in [record["agent_id"] for record in records] else None


@contextmanager
def running_gateway(service_url: str) -> Iterator[Gateway]:
    """Serve on a free port of this machine."""
    gateway = Gateway(service_url)
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = json.loads(body or b"[]")
            records = sent if isinstance(sent, list) else [sent]
            gateway.requests.append(len(records))
            reply = gateway.answer(records) or self.passed_on(body)
            if reply is None:
                self.close_connection = True
                return
            if reply.pause is not None:
                self.answer_without_an_end(reply, reply.pause)
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.media_type)
            self.send_header("Content-Length", str(len(reply.body)))
            if 300 <= reply.status < 400:
                self.send_header("Location", "https://login.example/?return=records")
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST  # noqa: N815

        def answer_without_an_end(self, reply: Reply, pause: float) -> None:
            self.close_connection = True
            self.send_response(reply.status)
            self.end_headers()
            with suppress(OSError):  # the client has gone
                while not ended.wait(pause):
                    self.wfile.write(reply.body)

        def passed_on(self, body: bytes) -> Reply | None:
            names = ("Authorization", "Content-Type")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            try:
                found = upstream.request(self.command, self.path, headers=headers, content=body)
            except httpx.HTTPError:
                return None
            return Reply(found.status_code, found.content, found.headers["Content-Type"])

        def log_message(self, *_: object) -> None:
            pass

    with httpx.Client(base_url=service_url) as upstream, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        gateway.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield gateway
        finally:
            ended.set()
            server.shutdown()
            thread.join()
