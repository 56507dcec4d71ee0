"""What a caller may send on a connection: all is bounded, nothing is read in two ways, and every message ends."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import uvicorn

from app.http.load_shedding import MAX_READS, READS, Admission
from app.http.protocol import MAX_HEAD_BYTES, MAX_PIPELINED, HttpProtocol
from app.main import create_app
from app.settings import Settings
from tests.support.polling import eventually
from tests.support.raw_http import answers_to

RECORD = json.dumps({"agent_id": "kyc", "mode": "LIVE", "status": "success"}).encode()
CLOSE = b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
TO_A_ROUTE = (
    b"POST /api/v1/audit/logs HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\n" + CHUNKED
)
TO_NONE = b"POST / HTTP/1.1\r\nHost: x\r\n" + CHUNKED


class Hasty(HttpProtocol):
    """Waits for nobody."""

    max_head_seconds = 0.3
    max_send_seconds = 1.0


@contextmanager
def service_on(folder: Path) -> Iterator[int]:
    """Run a service on a file, within this process; yield its port."""
    app = create_app(Settings(database_url=None, audit_log_path=folder / "audit.jsonl"))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Hasty, ws="none", log_config=None, timeout_keep_alive=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with service_on(tmp_path) as port:
        yield port


def post(headers: bytes = b"", body: bytes = RECORD, path: bytes = b"/api/v1/audit/logs") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\n%s%s" % (
        path, headers, b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
    )  # fmt: skip


def get(path: bytes = b"/api/v1/health", headers: bytes = b"") -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\n%s\r\n" % (path, headers)


def stored(port: int, tenant: bytes = b"acme") -> int:
    (answer,) = answers_to(
        port, b"GET /api/v1/audit/logs HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: %s\r\n%s\r\n" % (tenant, CLOSE)
    )
    return int(answer.json()["count"])


OFFERS = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIA==\r\n",
    b"Upgrade: TLS/1.0, anything/7\r\nConnection: keep-alive, Upgrade\r\n",
]


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_to_upgrade_is_ignored_and_its_request_served(port: int, offer: bytes) -> None:
    (answer,) = answers_to(port, post(offer))
    assert (answer.status, answer.json()["count"]) == (201, 1)
    assert stored(port) == 1


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("cut", [40, 120, 200, 300])
def test_however_it_is_cut_into_segments(port: int, offer: bytes, cut: int) -> None:
    request = post(offer)
    (answer,) = answers_to(port, request[:cut], request[cut:-5], request[-5:])
    assert answer.status == 201


@pytest.mark.parametrize("offer", OFFERS)
def test_a_body_behind_an_offer_to_upgrade_is_no_request(port: int, offer: bytes) -> None:
    smuggled = post(body=RECORD).replace(b"X-Tenant-ID: acme", b"X-Tenant-ID: globex")
    head, body = post(offer, body=smuggled).split(b"\r\n\r\n", 1)
    (answer,) = answers_to(port, head + b"\r\n\r\n", body)
    assert answer.status == 422
    assert stored(port, b"globex") == 0
    assert [each.status for each in answers_to(port, post(offer) + smuggled)] == [201, 201]  # two requests are two
    assert stored(port, b"globex") == 1


def test_a_get_with_an_offer_to_upgrade_is_served_and_the_connection_goes_on(port: int) -> None:
    answers = answers_to(port, get(headers=OFFERS[1]), get(headers=CLOSE))
    assert [answer.status for answer in answers] == [200, 200]


def test_connect_is_refused(port: int) -> None:
    (answer,) = answers_to(port, b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n" + get())
    assert (answer.status, answer.json()["type"]) == (400, "urn:ringfence:problem:bad-request")


def chunked(trailer: bytes) -> bytes:
    return TO_A_ROUTE + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(RECORD), RECORD, trailer)


@pytest.mark.parametrize(
    "field",
    [
        b"X-Tenant-ID: globex", b"Authorization: Bearer rf_0_0", b"Idempotency-Key: 1", b"Content-Encoding: gzip",
        b"X-Trace-ID: from-the-trailer", b"Content-Type: text/plain",
    ],
)  # fmt: skip
def test_a_field_of_a_trailer_is_no_header(port: int, field: bytes) -> None:
    (answer,) = answers_to(port, chunked(field + b"\r\n"))
    assert answer.status == 201
    assert answer.json()["tenant_id"] == "acme"
    assert answer.headers["x-trace-id"] != "from-the-trailer"
    assert (stored(port), stored(port, b"globex")) == (1, 0)


def endless(port: int, start: bytes, more: bytes, most_bytes: int = 50_000_000) -> tuple[int, int]:
    """Send `more` again and again; return the status that came, and how much could be sent."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), 10) as there:
        there.sendall(start)
        received = b""
        try:
            while sent < most_bytes:
                sent += there.send(more)
        except (ConnectionResetError, BrokenPipeError):
            pass
        try:
            while piece := there.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    return int(received.split()[1]) if received else 0, sent


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (TO_A_ROUTE + b"0\r\n", b"a: b\r\n" * 5000),
        (TO_A_ROUTE + b"0\r\na", b"a" * 30_000),
        (TO_A_ROUTE + b"0\r\na: ", b"a" * 30_000),
        (TO_A_ROUTE + b"1;a=", b"a" * 30_000),
        (TO_A_ROUTE + b"1;a=b\r\nx\r\n0;", b"a=b;" * 8_000),
    ],
)
def test_what_comes_after_the_head_and_is_no_body_is_bounded(port: int, start: bytes, more: bytes) -> None:
    status, sent = endless(port, start, more)
    assert status == 431
    assert sent < 20_000_000  # what the sockets' buffers hold
    assert answers_to(port, get(headers=CLOSE))[0].status == 200


def test_framing_of_small_chunks_is_no_reason_to_refuse(port: int) -> None:
    lines = (RECORD + b"\n") * 2000
    pieces = b"".join(b"%x;ext=1\r\n%s\r\n" % (1, lines[i : i + 1]) for i in range(len(lines)))
    head = TO_A_ROUTE.replace(b"application/json", b"application/x-ndjson")
    (answer,) = answers_to(port, head + pieces + b"0\r\n\r\n")
    assert (answer.status, answer.json()["count"]) == (201, 2000)


@pytest.mark.parametrize("rest", [b"", b"0\r\n", b"0\r\na: b\r\n", b"5\r\nhe"])
def test_a_request_that_is_answered_before_its_end_has_little_time_left(port: int, rest: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as there:
        there.sendall(TO_NONE + rest)
        received = b""
        while piece := there.recv(65536):
            received += piece
            there.sendall(b"")
    assert received.startswith(b"HTTP/1.1 404")


def test_nor_does_a_byte_now_and_then_keep_it_alive(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as there:
        there.sendall(TO_NONE + b"0\r\n")
        assert there.recv(65536).startswith(b"HTTP/1.1 404")
        there.settimeout(0.2)
        sent = 0
        while True:
            try:
                there.sendall(b"a")
                sent += 1
                if not there.recv(65536):
                    break
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break
    assert sent < 40  # at five a second, of a connection that may be idle for one


def test_a_caller_that_pipelines_without_end_is_answered_some_and_closed(port: int) -> None:
    answers = answers_to(port, get() * 50_000)
    assert {answer.status for answer in answers} == {200}
    assert 1 <= len(answers) <= MAX_PIPELINED + 1
    assert answers[-1].headers["connection"] == "close"


@contextmanager
def full(admission: Admission, limit: int) -> Iterator[None]:
    """Fill an admission until it takes nobody."""
    callers = (hash("127.0.0.1") % 16, hash("acme"))  # whether the tenant was seen before or not
    for caller in callers * limit:
        admission.enter(caller)
    yield
    for caller in callers * limit:
        admission.leave(caller)


def test_nor_is_each_of_them_refused_when_the_worker_is_full(port: int) -> None:
    with full(READS, MAX_READS):
        answers = answers_to(port, get(b"/api/v1/audit/logs") * 1000)
    assert [answer.status for answer in answers] == [503]
    assert answers[0].json()["type"] == "urn:ringfence:problem:storage-unavailable"
    assert answers[0].headers["retry-after"] == "1"


def test_a_connection_whose_request_was_refused_for_load_is_served_later(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as there:
        with full(READS, MAX_READS):
            there.sendall(get(b"/api/v1/audit/logs"))
            refused = there.recv(65536)
        there.sendall(get(b"/api/v1/audit/logs"))
        served = there.recv(65536)
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert served.startswith(b"HTTP/1.1 200 ")


def test_some_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    paths = [b"/api/v1/health", b"/nothing", b"/api/v1/audit/logs", b"/api/v1/health"]
    requests = b"".join(get(path) for path in paths) + post() + get(headers=CLOSE)
    assert [answer.status for answer in answers_to(port, requests)] == [200, 404, 200, 200, 201, 200]


@pytest.mark.parametrize(
    "bad", [b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", b"GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n"]
)
def test_a_second_request_whose_target_is_not_valid_is_no_answer_to_the_first(port: int, bad: bytes) -> None:
    for requests in ((post() + bad,), (post(), bad)):
        answers = answers_to(port, *requests)
        assert answers[0].status == 201
    assert stored(port) == 2
    (answer,) = answers_to(port, bad)
    assert answer.status == 400


def test_what_follows_a_request_that_cannot_be_read_does_not_lose_the_one_before(port: int) -> None:
    answers = answers_to(port, post() + b"\0\0garbage\r\n\r\n")
    assert [answer.status for answer in answers] == [201]
    assert answers[0].headers["connection"] == "close"
    assert stored(port) == 1


def test_a_caller_that_does_not_read_is_cut(port: int) -> None:
    line = (
        json.dumps({"agent_id": "kyc", "mode": "LIVE", "status": "error", "error": "\U0001f600" * 2000}).encode()
        + b"\n"
    )
    assert (
        answers_to(port, post(CLOSE, line * 1000).replace(b"application/json", b"application/x-ndjson"))[0].status
        == 201
    )
    with socket.socket() as there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        there.settimeout(10)
        there.connect(("127.0.0.1", port))
        there.sendall(get(b"/api/v1/audit/logs?limit=1000"))
        eventually(lambda: len(HttpProtocol.all_connections._unread) == 1)
        eventually(lambda: len(HttpProtocol.all_connections._unread) == 0)
        received = 0
        with suppress(ConnectionResetError):
            while piece := there.recv(65536):
                received += len(piece)
    (whole,) = answers_to(port, get(b"/api/v1/audit/logs?limit=1000", CLOSE))
    assert whole.json()["count"] == 1000
    assert received < len(whole.body)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/v1/health HTTP/1.1\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a:port\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: user@a\r\n\r\n",
        b"GET /api/v1/health\r\n\r\n",
        b"GET /api/v1/health HTTP/0.9\r\nHost: a\r\n\r\n",
        b"GET /api/v1/health HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /api/v1/health HTTP/1.2\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        b"GET /api/v1/health HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\nHost: a\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_a_request_that_two_servers_could_read_differently_is_refused(port: int, request_: bytes) -> None:
    (answer,) = answers_to(port, request_ + get())
    assert (answer.status, answer.json()["type"]) == (400, "urn:ringfence:problem:bad-request")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "host",
    [b"a", b"a.example:8000", b"127.0.0.1:1", b"[::1]:8000", b"[fe80::1]", b"", b"xn--bcher-kva.example", b"a_b"],
)
def test_every_valid_host_is_served(port: int, host: bytes) -> None:
    (answer,) = answers_to(port, b"GET /api/v1/health HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (host, CLOSE))
    assert answer.status == 200


def test_http_1_0_needs_no_host_and_is_closed_after_the_answer(port: int) -> None:
    (answer,) = answers_to(port, b"GET /api/v1/health HTTP/1.0\r\n\r\n")
    assert answer.status == 200


def test_a_head_that_is_too_large_is_refused_however_it_comes(port: int) -> None:
    large = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nA: " + b"a" * MAX_HEAD_BYTES
    for pieces in ([large + b"\r\n\r\n"], [large[:100], large[100:]], [large[:-1], b"a\r\n\r\n"]):
        (answer,) = answers_to(port, *pieces)
        assert (answer.status, answer.json()["type"]) == (431, "urn:ringfence:problem:head-too-large")


def test_a_caller_that_expects_100_continue_is_told_to_go_on_and_closed(port: int) -> None:
    head, body = post(b"Expect: 100-continue\r\n").split(b"\r\n\r\n", 1)
    interim, answer = answers_to(port, head + b"\r\n\r\n", body)
    assert (interim.status, answer.status, answer.headers["connection"]) == (100, 201, "close")
