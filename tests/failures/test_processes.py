"""Real processes: killed right after an answer, several on one file, started wrongly, stopped."""

import json
import resource
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.processes import ServiceProcess, refused_service, running_service

EXECUTE, LOGS = "/api/v1/agents/a/execute", "/api/v1/audit/logs"
ACME = {"X-Tenant-ID": "acme"}


def execute(service: ServiceProcess, **headers: str) -> httpx.Response:
    return service.http.post(EXECUTE, headers=ACME | headers, json={"input": {}})


def listed(service: ServiceProcess) -> list[str]:
    answer = service.http.get(LOGS, headers=ACME, params={"limit": 1000, "order": "asc"})
    return [item["id"] for item in answer.json()["items"]]


def test_an_acknowledged_record_is_in_the_file_after_the_process_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    acknowledged = []
    for _ in range(2):
        with running_service(audit_log_path=file) as service:
            acknowledged += [execute(service).json()["id"] for _ in range(3)]
            service.kill()
        assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == acknowledged

    with running_service(audit_log_path=file) as service:
        assert listed(service) == acknowledged


def test_an_acknowledged_record_is_in_the_database_after_the_process_is_killed(database: TestDatabase) -> None:
    with running_service(database_url=database.url()) as service:
        acknowledged = [execute(service).json()["id"] for _ in range(3)]
        service.kill()

    assert database.execute("SELECT id::text FROM audit.audit_logs ORDER BY id") == [(id_,) for id_ in acknowledged]


def test_several_processes_that_append_to_one_file_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with ExitStack() as started, ThreadPoolExecutor(12) as executor:
        services = [started.enter_context(running_service(audit_log_path=file)) for _ in range(3)]

        def some(service: ServiceProcess) -> list[str]:
            return [execute(service).json()["id"] for _ in range(10)]

        acknowledged = [id_ for ids in executor.map(some, services * 4) for id_ in ids]

        assert len(set(acknowledged)) == 120
        for service in services:
            assert sorted(listed(service)) == sorted(acknowledged)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(line["id"] for line in lines) == sorted(acknowledged)
    assert [line["created_at"] for line in lines] == sorted(line["created_at"] for line in lines)


@contextmanager
def largest_file(service: ServiceProcess, size: int) -> Iterator[None]:
    """Let no file of the process grow beyond `size`, as on a disk that is almost full."""
    before = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    yield
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, before)


def test_a_record_that_fits_only_in_part_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with running_service(audit_log_path=file) as service:
        first = execute(service).json()["id"]
        before = file.read_bytes()
        with largest_file(service, len(before) + 20):
            answer = execute(service)

        assert answer.status_code == 503, answer.text
        assert answer.json()["type"] == "urn:ringfence:problem:storage-unavailable"
        assert file.read_bytes() == before
        second = execute(service).json()["id"]
        assert listed(service) == [first, second]


def test_a_service_that_is_told_to_stop_finishes_what_it_has_begun(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        execute(service)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(30)
        assert "Traceback" not in service.printed()


def test_it_listens_on_this_machine_alone_unless_told_otherwise(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        assert service.http.base_url.host == "127.0.0.1"
        assert "server" not in execute(service).headers


def test_letters_outside_ascii_in_a_trace_id_survive(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        headers = {b"X-Tenant-ID": b"acme", b"X-Trace-ID": "Zoë".encode("latin-1")}
        answer = service.http.post(EXECUTE, headers=headers, json={"input": {}})

        assert answer.json()["trace_id"] == "Zoë"
        assert listed(service) == [answer.json()["id"]]


def refusal(**settings: Any) -> str:
    """Return the one line in which the service refuses to start."""
    ended = refused_service(**settings)
    assert ended.returncode == 3, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("ringfence: refusing to serve: ")
    return last


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"port": "http"}, "PORT"),
        ({"port": "70000"}, "PORT"),
        ({"live_enabled": "perhaps"}, "LIVE_ENABLED"),
        ({"database_pool_size": "0"}, "DATABASE_POOL_SIZE"),
        ({"database_pool_timeout": "0"}, "DATABASE_POOL_TIMEOUT"),
        ({"max_body_bytes": "-1"}, "MAX_BODY_BYTES"),
        ({"agents_file": "/nowhere/agents.toml"}, "/nowhere/agents.toml"),
    ],
)
def test_a_setting_that_cannot_be_understood_stops_the_start(
    tmp_path: Path, settings: dict[str, str], word: str
) -> None:
    assert word in refusal(audit_log_path=tmp_path / "audit.jsonl", **settings)


def test_a_database_that_may_not_be_served_stops_the_start_in_one_line(
    database: TestDatabase, create_role: CreateRole
) -> None:
    role = create_role("BYPASSRLS PASSWORD 'passw0rd'", member_of=("audit_trusted",))
    url = database.url(role).replace(f"{role}@", f"{role}:passw0rd@")

    line = refusal(database_url=url)

    assert f"{role} has BYPASSRLS" in line
    assert "passw0rd" not in line


def test_a_url_that_is_none_stops_the_start_without_being_shown() -> None:
    line = refusal(database_url="postgresql://a:passw0rd@[::1/none", database_pool_timeout=0.5)

    assert "passw0rd" not in line


def test_an_empty_variable_is_an_absent_one(tmp_path: Path) -> None:
    settings = {"database_url": "", "agents_file": "", "allowed_origins": "", "live_enabled": ""}
    with running_service(audit_log_path=tmp_path / "audit.jsonl", **settings) as service:
        assert service.http.get("/api/v1/health/db").json()["backend"] == "jsonl"
