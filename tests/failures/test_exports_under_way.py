"""Exports and their callers: slow ones, ones that disconnect, too many at once; and how a cut export shows."""

import gzip
import json
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.support.calls import assert_problem, bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service

EXPORT = "/api/v1/audit/logs/export"
MANY = 60_000  # some 17 MB, far more than the sockets and the service hold


class Caller:
    """A caller of an export who reads what and when the test says."""

    def __init__(self, service: ServiceProcess, headers: dict[str, str], query: str = "") -> None:
        url = service.http.base_url
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self._socket.settimeout(60)
        self._socket.connect((url.host, url.port))
        lines = [
            f"GET {EXPORT}{query} HTTP/1.1",
            "Host: test",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.received = b""

    def read(self, size: int) -> None:
        """Read so many bytes more, or to the end."""
        wanted = len(self.received) + size
        while len(self.received) < wanted and (data := self._socket.recv(65536)):
            self.received += data

    def read_all(self) -> bytes:
        """Read until the service closes the connection, and return all that came."""
        with self._socket, suppress(ConnectionError):
            while data := self._socket.recv(65536):
                self.received += data
        return self.received

    def leave(self) -> None:
        """Disconnect."""
        self._socket.close()


def assert_cut(answer: bytes) -> None:
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(answer) > 100_000
    assert b'"complete"' not in answer
    assert not answer.endswith(b"0\r\n\r\n"), "HTTP says that it is whole"


@pytest.fixture
def stocked(database: TestDatabase) -> TestDatabase:
    """A database in which acme has many records."""
    stock(database, MANY)
    return database


def stock(database: TestDatabase, number: int) -> None:
    database.execute(
        "INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, user_id, created_at)"
        " SELECT gen_random_uuid(), md5(n::text), 'acme', 'agent', 'LIVE', 'success', 'user-' || n %% 100,"
        " timestamptz '2026-01-01 00:00:00+00' + n * interval '1 millisecond' FROM generate_series(1, %s) AS n",
        number,
    )
    database.execute("ANALYZE audit.audit_logs")


Start = Callable[..., tuple[ServiceProcess, dict[str, str]]]


@pytest.fixture
def start(stocked: TestDatabase) -> Iterator[Start]:
    """Start a service for keys on the stocked database; it comes with the headers of a key of acme."""
    with ExitStack() as started:

        def start(**settings: object) -> tuple[ServiceProcess, dict[str, str]]:
            service = started.enter_context(running_service(database_url=stocked.url("audit_app"), **settings))
            return service, bearer(stocked.issue_api_key("acme", "read"))

        yield start


def sessions(database: TestDatabase, condition: str) -> int:
    """Return how many sessions of the service are as `condition` says, but the one that seals."""
    database.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction it would not change
    ((number,),) = database.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'audit_app' AND application_name <> 'ringfence-seal'"
        f" AND {condition}"
    )
    return int(number)


def events(database: TestDatabase) -> int:
    ((number,),) = database.execute("SELECT count(*) FROM audit.admin_events WHERE act = 'records exported'")
    return int(number)


def test_a_caller_who_stops_reading_is_cut_and_holds_no_transaction_meanwhile(
    start: Start, stocked: TestDatabase
) -> None:
    service, headers = start(export_stall_timeout=2, database_pool_size=1)
    caller = Caller(service, headers)
    caller.read(200_000)

    # The one connection is free for others while the export waits for its caller.
    eventually(lambda: sessions(stocked, "state <> 'idle'") == 0, within=1.5)
    assert service.http.get("/api/v1/audit/logs", headers=headers).status_code == 200
    eventually(lambda: "its caller stopped reading" in service.printed())
    assert_cut(caller.read_all())
    assert events(stocked) == 1


def test_an_export_that_takes_too_long_is_cut_though_its_caller_reads(start: Start) -> None:
    service, headers = start(export_timeout=1)
    caller = Caller(service, headers)

    def reads_on() -> bool:
        caller.read(30_000)
        return "it took too long" in service.printed()

    eventually(reads_on)
    assert_cut(caller.read_all())


def test_the_database_stops_when_the_caller_disconnects(start: Start, stocked: TestDatabase) -> None:
    service, headers = start()
    caller = Caller(service, headers)
    caller.read(100_000)
    eventually(lambda: sessions(stocked, "state <> 'idle'") == 0)  # the part ahead is read
    with stocked.administrator.transaction():
        stocked.execute("LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE")

        def reads_on() -> bool:
            caller.read(300_000)
            return sessions(stocked, "wait_event_type = 'Lock'") == 1

        eventually(reads_on)
        caller.leave()
        # Left alone it would wait as long as its lock_timeout says: five seconds.
        eventually(lambda: sessions(stocked, "state = 'active'") == 0, within=3)
    eventually(lambda: "its caller disconnected" in service.printed())
    assert service.http.get("/api/v1/audit/logs", headers=headers).status_code == 200


def test_beyond_the_limit_an_export_is_refused_and_not_on_record(start: Start, stocked: TestDatabase) -> None:
    service, headers = start(exports_at_once=2)
    callers = [Caller(service, headers) for _ in range(2)]
    for caller in callers:
        caller.read(1000)

    refused = service.http.get(EXPORT, headers=headers)
    assert_problem(refused, 503, "exports-busy")
    assert refused.headers["retry-after"] == "10"
    assert events(stocked) == 2
    callers[0].leave()
    eventually(lambda: service.http.get(EXPORT, headers=headers, params={"user_id": "nobody"}).status_code == 200)
    callers[1].leave()


def test_a_refused_export_leaves_room_for_the_next(start: Start) -> None:
    service, headers = start(exports_at_once=1)

    for _ in range(3):
        assert service.http.get(EXPORT, headers=headers, params={"format": "xml"}).status_code == 422
        assert service.http.get(EXPORT, headers=headers, params={"user_id": "nobody"}).status_code == 200


def test_an_export_whose_key_is_revoked_is_cut(start: Start, stocked: TestDatabase) -> None:
    service, headers = start()
    caller = Caller(service, headers)
    caller.read(100_000)
    stocked.execute("SELECT audit.revoke_api_key(%s)", headers["Authorization"].split("_")[1])

    assert_cut(caller.read_all())
    assert "an export was cut: unauthenticated" in service.printed()


def test_an_export_survives_a_lost_session_and_is_cut_when_the_database_is_gone(
    start: Start, stocked: TestDatabase
) -> None:
    service, headers = start(database_pool_timeout=1)
    with service.http.stream("GET", EXPORT, headers=headers) as answer:
        parts = answer.iter_bytes()
        text = next(parts)
        stocked.end_sessions()
        text += b"".join(parts)
    assert json.loads(text.splitlines()[-1]) == {"complete": True, "count": MANY}

    caller = Caller(service, headers)
    caller.read(100_000)
    stocked.go_down()
    try:
        assert_cut(caller.read_all())
        assert "an export was cut: storage-unavailable" in service.printed()
        assert_problem(service.http.get(EXPORT, headers=headers), 503, "storage-unavailable")
    finally:
        stocked.come_up()


def test_a_cut_export_that_was_compressed_shows_it_too(start: Start, stocked: TestDatabase) -> None:
    service, headers = start()
    caller = Caller(service, headers | {"Accept-Encoding": "gzip"})
    caller.read(1000)
    stocked.execute("SELECT audit.revoke_api_key(%s)", headers["Authorization"].split("_")[1])

    body = _unchunked(caller.read_all().split(b"\r\n\r\n", 1)[1])
    with pytest.raises(EOFError):
        gzip.decompress(body)
    assert b'"complete"' not in zlib.decompressobj(31).decompress(body)


def _unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        found += rest[: int(size or b"0", 16)]
        body = rest[int(size or b"0", 16) + 2 :]
    return found


def test_memory_does_not_grow_with_the_number_of_records(start: Start, stocked: TestDatabase) -> None:
    service, headers = start()

    def peak_kilobytes(**query: Any) -> int:
        lines = 0
        with service.http.stream("GET", EXPORT, headers=headers, params=query) as answer:
            for data in answer.iter_bytes():
                lines += data.count(b"\n")
        assert lines > 2000
        status = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

    few = peak_kilobytes()
    stock(stocked, 240_000)
    ((temporary_before,),) = stocked.execute(
        "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()"
    )
    many = peak_kilobytes()
    assert many - few < 8_000, "kilobytes"
    stocked.execute("SELECT pg_stat_clear_snapshot()")
    ((temporary_after,),) = stocked.execute(
        "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()"
    )
    assert temporary_after == temporary_before
