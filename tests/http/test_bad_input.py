"""Whatever is sent: a problem that says what was wrong, never a 5xx, or a record in another form than was sent."""

import gzip
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.http.protocol import MAX_HEAD_BYTES
from app.release import DATABASE_DIRECTORY
from tests.conftest import TestDatabase
from tests.support.calls import bearer
from tests.support.processes import ServiceProcess, running_service

EXECUTE, LOGS = "/api/v1/agents/kyc/execute", "/api/v1/audit/logs"


@dataclass(frozen=True)
class Bank:
    """A running service, and a key for each of its tenants."""

    process: ServiceProcess
    keys: dict[str, str]

    def listed(self) -> list[dict[str, Any]]:
        """Return the newest records of acme."""
        items: list[dict[str, Any]] = self.process.http.get(LOGS, headers=bearer(self.keys["acme"])).json()["items"]
        return items


@pytest.fixture(scope="module")
def bank(postgresql_server: Any) -> Iterator[Bank]:
    """One for all of these tests: nothing that they send may do it any harm."""
    at = {"host": postgresql_server.host, "port": postgresql_server.port, "user": postgresql_server.user}
    name, template = f"{postgresql_server.dbname}_bad_input", postgresql_server.template_dbname
    with psycopg.connect(**at, dbname="postgres", autocommit=True) as maintenance:
        maintenance.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        with psycopg.connect(**at, dbname=name, autocommit=True) as administrator:
            administrator.execute((DATABASE_DIRECTORY / "bootstrap" / "database.sql").read_bytes())
            database = TestDatabase(administrator)
            keys = {tenant: database.issue_api_key(tenant) for tenant in ("acme", "globex")}
            with running_service(database_url=database.url("audit_app")) as service:
                yield Bank(service, keys)
        maintenance.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(autouse=True)
def unharmed(bank: Bank) -> Iterator[None]:
    """The service answers after each test, and has printed no stack trace."""
    yield
    assert bank.process.http.get("/api/v1/health").status_code == 200
    assert "Traceback" not in bank.process.printed()


def connected(bank: Bank) -> socket.socket:
    """Return a connection of its own."""
    url = bank.process.http.base_url
    return socket.create_connection((url.host, url.port or 80), 20)


def raw(bank: Bank, content: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes; return the status, headers and body of the first answer."""
    with connected(bank) as there:
        there.sendall(content)
        received = b""
        while piece := there.recv(65536):
            received += piece
            head, separator, body = received.partition(b"\r\n\r\n")
            if separator and len(body) >= int(_headers(head).get("content-length", "0")):
                return int(head.split()[1]), _headers(head), body
    raise AssertionError(f"no answer: {received!r}")


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def request(key: str, body: bytes = b'{"input": {}}', *headers: bytes, path: str = EXECUTE) -> bytes:
    return b"\r\n".join([
        f"POST {path} HTTP/1.1".encode(), b"Host: x", b"Content-Type: application/json",
        b"Content-Length: %d" % len(body), f"Authorization: Bearer {key}".encode(), b"Connection: close", *headers,
        b"", body,
    ])  # fmt: skip


def assert_refused(answer: tuple[int, dict[str, str], bytes], status: int, kind: str) -> dict[str, Any]:
    assert answer[0] == status, answer
    assert answer[1]["content-type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer[2])
    assert problem["type"] == f"urn:ringfence:problem:{kind}"
    assert problem["detail"]
    assert problem["trace_id"] == answer[1]["x-trace-id"]
    assert len(answer[2]) < 16_384
    return problem


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"GARBAGE\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", 400, "bad-request"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad-request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "bad-request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "bad-request"),
        (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"x" * MAX_HEAD_BYTES), 431, "head-too-large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n" % (b"x" * MAX_HEAD_BYTES), 431, "head-too-large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n" % (b"A: b\r\n" * 200), 431, "head-too-large"),
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not-found"),
        (b"GET /api/v1/audit/logs/ HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not-found"),
        (b"GET //api/v1/audit/logs HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not-found"),
        (b"DELETE /api/v1/audit/logs HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method-not-allowed"),
        (b"PUT /api/v1/agents/a/execute HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "method-not-allowed"),
        (b"TRACE /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method-not-allowed"),
    ],
)  # fmt: skip
def test_what_is_no_request_of_ours_is_refused_with_a_problem(
    bank: Bank, content: bytes, status: int, kind: str
) -> None:
    answer = raw(bank, content)
    assert_refused(answer, status, kind)
    assert status != 405 or answer[1]["allow"]


def test_a_head_that_never_ends_is_refused_without_being_kept(bank: Bank) -> None:
    assert_refused(raw(bank, b"GET / HTTP/1.1\r\nA: " + b"x" * 100_000), 431, "head-too-large")


def test_a_head_in_many_pieces_is_taken(bank: Bank) -> None:
    content = request(bank.keys["acme"])
    with connected(bank) as there:
        there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(content)):
            there.sendall(content[place : place + 1])
        assert there.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"input": {}, "input": {}}', "body"),
        (b'{"input": {"x": NaN}}', "body"),
        (b'{"input": {"x": 1e999}}', "body"),
        (b'{"input": {"x": -Infinity}}', "body"),
        (b'{"input": %s}' % (b'{"a":' * 65 + b"1" + b"}" * 65), "body"),
        (b'{"input": {"x": %s}}' % (b"[" * 100_000 + b"]" * 100_000), "body"),
        (b'{"input": {"x": %s}}' % (b"9" * 5000), "body"),
        (b'{"input": {}} trailing', "body"),
        (b"\xff\xfe{}", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b'{"input": []}', "input"),
        (b'{"input": {}, "mode": 1}', "mode"),
        (b'{"input": {}, "mode": "live"}', "mode"),
        (b'{"input": {}, "user_id": ""}', "user_id"),
        (b'{"input": {}, "user_id": "%s"}' % (b"x" * 257), "user_id"),
        (b'{"input": {}, "%s": 1}' % (b"p" * 1000), "p" * 64),
    ],
)
def test_a_body_that_is_not_as_it_should_be_is_refused_naming_the_place(bank: Bank, body: bytes, field: str) -> None:
    problem = assert_refused(raw(bank, request(bank.keys["acme"], body)), 422, "invalid-request")
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\u0000b"])
def test_a_text_that_cannot_be_stored_is_refused(bank: Bank, text: str) -> None:
    body = f'{{"input": {{}}, "user_id": "{text}"}}'.encode()
    assert_refused(raw(bank, request(bank.keys["acme"], body)), 422, "invalid-request")


def test_as_deep_as_may_be_is_taken(bank: Bank) -> None:
    body = b'{"input": %s}' % (b'{"a":' * 62 + b"1" + b"}" * 62)
    assert raw(bank, request(bank.keys["acme"], body))[0] == 200


def test_many_unknown_fields_are_named_in_part(bank: Bank) -> None:
    body = json.dumps({"input": {}} | {f"{number:06}" + "x" * 500: 1 for number in range(1000)}).encode()
    problem = assert_refused(raw(bank, request(bank.keys["acme"], body)), 422, "invalid-request")
    assert len(problem["errors"]) == 20
    assert problem["detail"].endswith("and 980 more")


def test_a_compressed_body_is_not_expanded(bank: Bank) -> None:
    bomb = gzip.compress(b'{"input": {"x": "' + b"0" * 10_000_000 + b'"}}')
    assert_refused(raw(bank, request(bank.keys["acme"], bomb, b"Content-Encoding: gzip")), 415, "unsupported-encoding")
    assert_refused(
        raw(bank, request(bank.keys["acme"], bomb, b"Content-Encoding: gzip", path=LOGS)), 415, "unsupported-encoding"
    )


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_comes(bank: Bank) -> None:
    head = request(bank.keys["acme"], b"").replace(b"Content-Length: 0", b"Content-Length: 10000000000")
    assert_refused(raw(bank, head), 413, "body-too-large")


def test_without_a_key_no_body_is_read(bank: Bank) -> None:
    head = (
        b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
        % EXECUTE.encode()
    )
    assert_refused(raw(bank, head), 401, "unauthenticated")


def test_chunks_are_taken_and_a_body_that_breaks_off_stores_nothing(bank: Bank) -> None:
    before = len(bank.listed())
    head = request(bank.keys["acme"], b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert raw(bank, head + b'd\r\n{"input": {}}\r\n0\r\n\r\n')[0] == 200
    assert_refused(raw(bank, head + b"zz\r\n"), 400, "bad-request")
    with connected(bank) as there:
        there.sendall(head + b'5\r\n{"inp')
    assert len(bank.listed()) == before + 1


@pytest.mark.parametrize("path", ["/api/v1/agents/%FF/execute", "/api/v1/agents/a%C3/execute"])
def test_a_path_that_is_no_utf_8_is_refused(bank: Bank, path: str) -> None:
    assert_refused(raw(bank, request(bank.keys["acme"], path=path)), 422, "invalid-request")


def test_letters_of_any_script_come_back_as_they_were_sent(bank: Bank) -> None:
    body = '{"input": {}, "user_id": "Ζωή \\u202e\\u0001\U0001f600"}'.encode()
    trace = "Ζωή".encode()
    answer = raw(
        bank, request(bank.keys["acme"], body, b"X-Trace-ID: " + trace, path="/api/v1/agents/%CE%96%20x/execute")
    )
    assert answer[0] == 200, answer
    assert answer[1]["x-trace-id"].encode("latin-1") == trace
    item = bank.listed()[0]
    assert (item["agent_id"], item["user_id"], item["trace_id"]) == (
        "\u0396 x",
        "\u0396ωή \u202e\x01\U0001f600",
        "\u0396ωή",
    )


@pytest.mark.parametrize(
    "query",
    [
        *("limit=1_0", "limit=1.0", "limit=%201", "limit=1e1", "limit=%D9%A3", "limit=0", "limit=1001", "limit="),
        *("limit=99999999999999999999999", "http_status=0x1", "http_status=99999999999", "limit=1&limit=1"),
        *("start_time=2026-01-01", "start_time=now", "start_time=2026-01-01T00:00:00", "order=up", "mode=live"),
        *("cursor=x", "agent_id=%FF", "agent_id=%00", "nothing=1"),
    ],
)
def test_a_query_that_is_not_as_it_should_be_is_refused(bank: Bank, query: str) -> None:
    head = f"GET {LOGS}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bank.keys['acme']}\r\n\r\n".encode()
    assert_refused(raw(bank, head), 422, "invalid-request")


def test_a_cursor_of_another_tenant_or_changed_is_refused(bank: Bank) -> None:
    for _ in range(3):
        assert raw(bank, request(bank.keys["acme"]))[0] == 200
    cursor = bank.process.http.get(f"{LOGS}?limit=1", headers=bearer(bank.keys["acme"])).json()["next_cursor"]
    assert (
        bank.process.http.get(
            LOGS, params={"limit": 1, "cursor": cursor}, headers=bearer(bank.keys["acme"])
        ).status_code
        == 200
    )
    changed = cursor[:-1] + ("0" if cursor[-1] != "0" else "1")
    later = "9" * 17 + cursor[cursor.index("-") :]
    for key, value in (("globex", cursor), ("acme", changed), ("acme", later), ("acme", cursor + "0")):
        answer = bank.process.http.get(LOGS, params={"limit": 1, "cursor": value}, headers=bearer(bank.keys[key]))
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "named", ["\u0430cme", "acme ", " acme\t", "ACME", "acme\u200b", "\uff41cme", "acme%00", "'acme'", "acme,globex"]
)
def test_a_name_that_looks_like_a_tenants_is_not_that_tenant(bank: Bank, named: str) -> None:
    header = b"X-Tenant-ID: " + named.encode()
    answer = raw(bank, request(bank.keys["globex"], b'{"input": {}}', header))
    assert_refused(answer, 403, "tenant-mismatch")
    own = raw(bank, request(bank.keys["acme"], b'{"input": {}}', header))
    assert own[0] == 403
