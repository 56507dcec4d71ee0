"""Many records as a stream: flat memory, callers who disconnect, who stop, or who are too many. On a real process."""

import asyncio
import itertools
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.types import Message

from app.http import body as request_body
from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import lines, record, send, send_json
from tests.support.calls import assert_problem, bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service

LOGS = "/api/v1/audit/logs"


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app"), database_pool_size=2, max_bulk_requests=3) as service:
        service.http.headers.update(bearer(database.issue_api_key("acme")))
        service.http.timeout = 60
        yield service


def count(database: TestDatabase) -> int:
    ((found,),) = database.execute("SELECT count(*) FROM audit.audit_logs")
    return int(found)


def peak_memory(service: ServiceProcess) -> int:
    """Return the most bytes that the process has had in memory so far."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def many(number: int) -> Iterator[bytes]:
    """Yield so many records of some three hundred bytes, two hundred at a time."""
    for start in range(0, number, 200):
        yield lines(
            record(trace_id=f"t{n}", user_id=f"user-{n}", http_status=500, latency_ms=n, error="e" * 150)
            for n in range(start, min(start + 200, number))
        )


def test_a_hundred_thousand_records_are_stored_with_flat_memory(
    service: ServiceProcess, database: TestDatabase
) -> None:
    assert send(service.http, b"".join(many(4_000))).json()["count"] == 4_000
    before = peak_memory(service)

    answer = send(service.http, many(100_000))

    assert answer.json() == {"tenant_id": "acme", "count": 100_000, "id": None}
    assert count(database) == 104_000
    # The body has some 27 million bytes, and takes several times as many as Python's objects.
    assert peak_memory(service) - before < 12_000_000
    assert_problem(send(service.http, lines([record()]) * 100_001), 413, "body-too-large")
    assert count(database) == 104_000


@contextmanager
def half_a_request(service: ServiceProcess) -> Iterator[socket.socket]:
    """Send a request of three records as far as the middle of the second; yield its connection once that is read."""
    url = urlsplit(str(service.http.base_url))
    body = lines([record()] * 3)
    with socket.create_connection((url.hostname, url.port or 80)) as connection:
        head = [
            f"POST {LOGS} HTTP/1.1", f"Host: {url.netloc}", f"Authorization: {service.http.headers['authorization']}",
            "Content-Type: application/x-ndjson", f"Content-Length: {len(body)}", "Expect: 100-continue", "", "",
        ]  # fmt: skip
        connection.sendall("\r\n".join(head).encode())
        # Sent by the server when the service begins to read.
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body[: len(body) // 2])
        yield connection


def test_a_caller_who_disconnects_in_the_middle_has_stored_nothing_and_left_nothing_behind(
    service: ServiceProcess, database: TestDatabase
) -> None:
    for _ in range(3):
        with half_a_request(service), half_a_request(service):
            assert send(service.http, lines([record()])).status_code == 503
        eventually(lambda: send(service.http, lines([record()])).status_code == 201)
    assert count(database) == 3
    assert "unexpected" not in service.printed()


def test_slow_callers_hold_no_connection_to_the_database_and_keep_no_single_record_out(
    service: ServiceProcess, database: TestDatabase
) -> None:
    with half_a_request(service), half_a_request(service):
        busy = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'audit_app' AND state <> 'idle'"
        assert eventually(lambda: database.execute(busy) == [(0,)])
        refused = send(service.http, lines([record()]))
        assert_problem(refused, 503, "storage-unavailable")
        assert refused.headers["retry-after"] == "1"
        assert send_json(service.http, [record()]).status_code == 201
        assert send_json(service.http, record()).status_code == 201
        assert service.http.get(LOGS).status_code == 200


@pytest.mark.parametrize("kind", ["x-ndjson", "json"])
def test_whoever_sends_nothing_more_is_told_so(
    serve: Serve, database: TestDatabase, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def receive(_request: Request) -> Message:
        if next(times):
            await asyncio.Event().wait()
        return {"type": "http.request", "body": lines([record()]), "more_body": True}

    times = itertools.count()
    monkeypatch.setattr(request_body, "MAX_SILENCE", 0.05)
    monkeypatch.setattr(Request, "receive", receive)
    client = serve(database_url=SecretStr(database.url("audit_app")))
    answer = send(client, b"", kind=kind, api_key=database.issue_api_key("acme"))
    assert_problem(answer, 408, "request-timeout")
    assert count(database) == 0
