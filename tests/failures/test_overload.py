"""More than a worker can do, and callers who take their time: every request is answered, and soon."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvicorn

from app.http import body as request_body
from app.http.protocol import HttpProtocol
from app.main import create_app
from app.settings import Settings
from bench.serving import Service
from tests.conftest import TestDatabase
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service

EXECUTE = "/api/v1/agents/kyc/execute"


def request(key: str) -> bytes:
    return (
        f"POST {EXECUTE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13\r\n"
        f'Authorization: Bearer {key}\r\n\r\n{{"input": {{}}}}'
    ).encode()


async def call(port: int, content: bytes, until: float, answers: list[tuple[int, float]]) -> None:
    """Send one request after another on one connection, and note status and seconds of each answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        started = time.monotonic()
        writer.write(content)
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(size)
        answers.append((int(head.split()[1]), time.monotonic() - started))
    writer.close()


def test_at_many_times_the_capacity_every_request_is_answered_soon_and_memory_stays(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    with running_service(database_url=database.url("audit_app")) as service:
        port = service.http.base_url.port or 0
        process = Service("", service.process.pid)

        async def load(callers: int, seconds: float) -> list[tuple[int, float]]:
            answers: list[tuple[int, float]] = []
            until = time.monotonic() + seconds
            await asyncio.gather(*(call(port, request(key), until, answers) for _ in range(callers)))
            return answers

        usual = asyncio.run(load(32, 1))
        assert {status for status, _ in usual} == {200}
        before = process.peak_memory()
        answers = asyncio.run(load(1_424, 4))

        assert {status for status, _ in answers} == {200, 503}
        assert max(seconds for _, seconds in answers) < 10
        assert process.peak_memory() < before + 150
        stored = database.execute("SELECT count(*) FROM audit.audit_logs")[0][0]
        assert stored == sum(status == 200 for status, _ in usual + answers)
        assert {status for status, _ in asyncio.run(load(8, 0.2))} == {200}


def test_a_locked_table_is_waited_for_five_seconds_at_the_most_and_is_no_reason_to_stop(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    with (
        running_service(database_url=database.url("audit_app")) as service,
        psycopg.connect(database.url("postgres")) as other,
    ):
        other.execute("LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        answer = service.http.post(EXECUTE, headers=bearer(key), json={"input": {}}, timeout=20)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert time.monotonic() - started < 8
        other.rollback()
        assert service.http.post(EXECUTE, headers=bearer(key), json={"input": {}}).status_code == 200


class Hasty(HttpProtocol):
    max_head_seconds = 0.2


@contextmanager
def hasty_service(folder: Path) -> Iterator[int]:
    """Run a service on a file that waits for nobody, within this process; yield its port."""
    app = create_app(Settings(database_url=None, audit_log_path=folder / "audit.jsonl"))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Hasty, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def answer_to(port: int, *pieces: bytes) -> tuple[int, dict[str, Any]]:
    with socket.create_connection(("127.0.0.1", port), 20) as there:
        for piece in pieces:
            there.sendall(piece)
        received = b""
        while piece := there.recv(65536):
            received += piece
    return int(received.split()[1]), json.loads(received.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("sent", [b"", b"GET /api/v1/hea"])
def test_a_head_that_does_not_come_is_not_waited_for(tmp_path: Path, sent: bytes) -> None:
    with hasty_service(tmp_path) as port:
        status, problem = answer_to(port, sent)
        assert (status, problem["type"]) == (408, "urn:ringfence:problem:request-timeout")
        assert answer_to(port, b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 200


def test_nor_is_a_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "MAX_BODY_SECONDS", 0.2)
    head = (
        b"POST %s HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\nConnection: close\r\n"
    )
    with hasty_service(tmp_path) as port:
        status, problem = answer_to(port, head % EXECUTE.encode() + b'Content-Length: 13\r\n\r\n{"inp')
        assert (status, problem["type"]) == (408, "urn:ringfence:problem:request-timeout")
        assert answer_to(port, head % EXECUTE.encode() + b'Content-Length: 13\r\n\r\n{"input": {}}')[0] == 200


def test_what_bodies_held_is_free_again_once_they_are_answered(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        send_large_bodies(service, 50)  # forty at once would be too many
        assert service.http.get("/api/v1/health").status_code == 200


def send_large_bodies(service: ServiceProcess, count: int) -> None:
    for _ in range(count):
        body = {"input": {"x": "0" * 1_000_000}}
        assert service.http.post(EXECUTE, headers={"X-Tenant-ID": "acme"}, json=body).status_code == 200
