"""The audit file: who may read it, one record a line, on the disk before the answer, and half a line at its end."""

import errno
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.model.refusals import RefusedToServe
from tests.conftest import Serve
from tests.support.calls import assert_problem, execute, records
from tests.support.processes import ROOT, environment


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "audit.jsonl"


@pytest.fixture
def client(serve_file: Serve, file: Path) -> TestClient:
    return serve_file(audit_log_path=file)


def stored_lines(file: Path) -> list[dict[str, Any]]:
    text = file.read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_it_is_made_at_the_start_and_is_its_owners_alone(client: TestClient, file: Path) -> None:
    assert file.read_bytes() == b""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    assert execute(client).status_code == 200
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_its_owners_alone_whatever_the_umask(serve_file: Serve, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        serve_file(audit_log_path=tmp_path / "open.jsonl")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "open.jsonl").stat().st_mode) == 0o600


def test_it_holds_one_record_a_line_with_the_columns_of_the_table(client: TestClient, file: Path) -> None:
    ids = [execute(client, user_id="line\nfeed \u2028 😀").json()["id"] for _ in range(3)]

    lines = stored_lines(file)
    assert [line["id"] for line in lines] == ids
    assert list(lines[0]) == [
        "id", "trace_id", "tenant_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error",
        "context", "created_at",
    ]  # fmt: skip
    added = [{"recorded_at": line["created_at"], "api_key_id": None} for line in lines]
    assert [line | more for line, more in zip(lines, added, strict=True)] == records(client)


def test_a_record_is_flushed_to_the_disk_before_it_is_acknowledged(
    client: TestClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[int, int]] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            flushed.append((status.st_ino, status.st_size))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    for _ in range(3):
        assert execute(client).status_code == 200
        assert flushed[-1] == (file.stat().st_ino, file.stat().st_size)
    assert len(flushed) == 3


def test_a_record_that_cannot_be_flushed_is_neither_acknowledged_nor_found_later(
    client: TestClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = execute(client).json()["id"]
    before = file.read_bytes()

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        answer = execute(client)

    assert_problem(answer, 503, "storage-unavailable")
    assert file.read_bytes() == before
    later = execute(client).json()["id"]
    assert [record["id"] for record in records(client)] == [kept, later]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size`, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signals = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signals)


def test_a_full_disk_is_answered_with_503(client: TestClient, file: Path) -> None:
    with largest_file(0):
        answer = execute(client)

    assert_problem(answer, 503, "storage-unavailable")
    assert str(file) not in answer.text
    assert execute(client).status_code == 200


def make_folder(path: Path) -> None:
    path.mkdir()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("make", [make_folder, make_socket, os.mkfifo])
def test_what_is_no_regular_file_is_refused_at_the_start(
    serve_file: Serve, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "audit.jsonl"
    make(path)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)

    for given in (path, link):
        with pytest.raises(RefusedToServe, match=f"^AUDIT_LOG_PATH: {given} cannot be written: it is a "):
            serve_file(audit_log_path=given)


@pytest.mark.parametrize("device", ["null", "full", "zero", "stdout", "stderr", "fd/1"])
def test_a_device_is_refused_at_the_start(serve_file: Serve, device: str) -> None:
    with pytest.raises(RefusedToServe, match=f"^AUDIT_LOG_PATH: /dev/{device} cannot be written: it is "):
        serve_file(audit_log_path=Path("/dev", device))


def test_standard_output_is_refused_where_it_is_a_file_too(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        ended = subprocess.run(
            [sys.executable, "-m", "app"], cwd=ROOT, env=environment(port=0, audit_log_path="/dev/stdout"),
            stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode == 3
    assert ended.stderr.startswith("ringfence: refusing to serve: AUDIT_LOG_PATH: /dev/stdout")


def test_a_link_to_a_file_is_taken(serve_file: Serve, tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "audit.jsonl")

    assert execute(serve_file(audit_log_path=tmp_path / "link.jsonl")).status_code == 200
    assert len(stored_lines(tmp_path / "audit.jsonl")) == 1


@dataclass(frozen=True)
class Fault:
    """A function of the system that fails, and with what."""

    module: Any
    function: str
    number: int


FAULTS = [
    Fault(fcntl, "flock", errno.ENOLCK),
    Fault(os, "fsync", errno.EIO),
    Fault(os, "open", errno.EROFS),
    Fault(os, "open", errno.EMFILE),
]


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> Iterator[None]:
    def fail(*_arguments: Any, **_named: Any) -> None:
        raise OSError(fault.number, os.strerror(fault.number))

    with monkeypatch.context() as broken:
        broken.setattr(fault.module, fault.function, fail)
        yield


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.function)
def test_a_file_that_cannot_be_appended_to_is_refused_at_the_start(
    serve_file: Serve, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    with (
        failing(monkeypatch, fault),
        pytest.raises(RefusedToServe, match="^AUDIT_LOG_PATH: .*" + os.strerror(fault.number)),
    ):
        serve_file()
    assert serve_file()


def health(client: TestClient) -> int:
    return int(client.get("/api/v1/health/db").status_code)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.function)
def test_health_is_failed_as_long_as_an_append_would_fail(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    assert health(client) == 200
    with failing(monkeypatch, fault):
        assert health(client) == 503
        assert execute(client).status_code == 503
    assert health(client) == 200


def test_health_is_failed_as_long_as_the_disk_is_full(client: TestClient, file: Path) -> None:
    execute(client)
    before = file.read_bytes()
    with largest_file(len(before) + 20):
        assert health(client) == 503
        assert execute(client).status_code == 503
    assert health(client) == 200
    assert file.read_bytes() == before


def test_health_is_failed_once_a_write_has_failed_until_one_succeeds(
    client: TestClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(client)
    before = file.read_bytes()
    with failing(monkeypatch, Fault(os, "write", errno.EDQUOT)):
        assert execute(client).status_code == 503
        assert health(client) == 503
    assert health(client) == 200
    assert file.read_bytes() == before


@pytest.mark.parametrize("make", [make_folder, os.mkfifo])
def test_health_is_failed_while_something_else_stands_in_the_files_place(
    client: TestClient, file: Path, make: Callable[[Path], None]
) -> None:
    file.rename(file.with_name("moved"))
    make(file)
    assert health(client) == 503
    assert execute(client).status_code == 503

    file.rename(file.with_name("other"))
    assert health(client) == 200


def test_health_leaves_the_file_as_it_is(client: TestClient, file: Path) -> None:
    execute(client)
    before = file.stat().st_mtime_ns, file.read_bytes()

    assert [health(client) for _ in range(3)] == [200] * 3

    assert (file.stat().st_mtime_ns, file.read_bytes()) == before


def test_health_is_failed_while_another_process_keeps_the_file_locked(client: TestClient, file: Path) -> None:
    with file.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert health(client) == 503
    assert health(client) == 200
