"""What a caller may send on a connection, or leave unread, is limited in bytes, in requests and in time."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from app.http.load_shedding import MAX_READS, READS, Admission
from app.http.protocol import MAX_HEAD_BYTES, MAX_PIPELINED, HttpProtocol
from tests.support.file_service import CHUNKED, CLOSE, RECORD, TO_A_ROUTE, get, post
from tests.support.polling import eventually
from tests.support.raw_http import answers_to

TO_NONE = b"POST / HTTP/1.1\r\nHost: x\r\n" + CHUNKED


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
def test_framing_after_the_head_is_limited(port: int, start: bytes, more: bytes) -> None:
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
    """Fill an admission until it takes no more callers."""
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


def test_a_head_that_is_too_large_is_refused_in_any_segments(port: int) -> None:
    large = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nA: " + b"a" * MAX_HEAD_BYTES
    for pieces in ([large + b"\r\n\r\n"], [large[:100], large[100:]], [large[:-1], b"a\r\n\r\n"]):
        (answer,) = answers_to(port, *pieces)
        assert (answer.status, answer.json()["type"]) == (431, "urn:ringfence:problem:head-too-large")
