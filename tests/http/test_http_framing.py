"""Every message has one reading: where a request ends is beyond doubt, or it is refused."""

import pytest

from tests.support.file_service import CLOSE, RECORD, TO_A_ROUTE, get, post, stored
from tests.support.raw_http import answers_to

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
def test_an_offer_to_upgrade_is_ignored_in_any_segments(port: int, offer: bytes, cut: int) -> None:
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


def test_garbage_behind_a_request_does_not_lose_its_answer(port: int) -> None:
    answers = answers_to(port, post() + b"\0\0garbage\r\n\r\n")
    assert [answer.status for answer in answers] == [201]
    assert answers[0].headers["connection"] == "close"
    assert stored(port) == 1


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


def test_a_caller_that_expects_100_continue_is_told_to_go_on_and_closed(port: int) -> None:
    head, body = post(b"Expect: 100-continue\r\n").split(b"\r\n\r\n", 1)
    interim, answer = answers_to(port, head + b"\r\n\r\n", body)
    assert (interim.status, answer.status, answer.headers["connection"]) == (100, 201, "close")
