"""The audit file: who may read it, one record a line, on the disk before the answer, and half a line at its end."""

import fcntl
import json
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.calls import assert_problem, execute, page, records
from tests.conftest import Serve
from tests.polling import eventually


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
        "created_at",
    ]  # fmt: skip
    assert lines == records(client)


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


def test_a_full_disk_is_answered_with_503(serve_file: Serve) -> None:
    client = serve_file(audit_log_path=Path("/dev/full"))

    answer = execute(client)

    assert_problem(answer, 503, "storage-unavailable")
    assert "dev" not in answer.text


@pytest.mark.parametrize("torn", [b'{"id": "0', b"{", b'{"id": "1", "tenant_id": "acme"}', b"\xff\xfe", b"[1]", b"7"])
def test_a_torn_last_line_is_skipped_with_a_warning_and_later_records_are_readable(
    client: TestClient, file: Path, caplog: pytest.LogCaptureFixture, torn: bytes
) -> None:
    first = execute(client).json()["id"]
    with file.open("ab") as lines:
        lines.write(torn)
    assert [record["id"] for record in records(client)] == [first]
    assert f"{file}: line 2 is not a whole record and was skipped" in caplog.text

    second = execute(client).json()["id"]

    assert [record["id"] for record in records(client)] == [first, second]
    assert file.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize(
    "change",
    [
        {"created_at": None},
        {"created_at": "yesterday"},
        {"created_at": "2026-01-01T00:00:00"},
        {"id": 7},
        {"id": None},
    ],
)
def test_a_line_that_is_no_record_does_not_hide_the_others(
    client: TestClient, file: Path, change: dict[str, Any]
) -> None:
    first = execute(client).json()["id"]
    damaged = {**stored_lines(file)[0], "id": "00000000-0000-7000-8000-000000000000", **change}
    with file.open("a") as lines:
        lines.write(json.dumps(damaged) + "\n")
    second = execute(client).json()["id"]

    assert [record["id"] for record in records(client)] == [first, second]


def test_the_records_outlive_the_service(serve_file: Serve, file: Path) -> None:
    first = execute(serve_file(audit_log_path=file)).json()["id"]
    again = serve_file(audit_log_path=file)
    second = execute(again).json()["id"]

    assert [record["id"] for record in records(again)] == [first, second]
    assert page(again)["count"] == 2


def test_a_file_that_is_there_is_appended_to_and_never_rewritten(client: TestClient, file: Path) -> None:
    inode = file.stat().st_ino
    execute(client)
    before = file.read_bytes()
    execute(client)

    assert file.read_bytes().startswith(before)
    assert file.stat().st_ino == inode


def test_a_warning_at_the_start_says_that_no_database_keeps_tenants_apart(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    warnings = [record.getMessage() for record in caplog.get_records("setup") if record.levelname == "WARNING"]

    assert len(warnings) == 1
    assert "no DATABASE_URL" in warnings[0]
    assert "by this service alone" in warnings[0]
    assert client.get("/api/v1/health/db").json()["backend"] == "jsonl"


def test_the_database_gives_no_such_warning(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    assert serve().get("/api/v1/health/db").json()["backend"] == "postgresql"
    assert "no DATABASE_URL" not in caplog.text


def test_an_append_waits_for_that_of_another_process(client: TestClient, file: Path) -> None:
    """The lock of a file is the process's neighbours': held here, it is waited for in the service."""
    inode = file.stat().st_ino
    with file.open("a") as other, ThreadPoolExecutor(1) as executor:
        fcntl.flock(other, fcntl.LOCK_EX)
        answer = executor.submit(execute, client)
        try:
            eventually(lambda: re.search(rf"-> FLOCK .*:{inode} ", Path("/proc/locks").read_text()), within=10)
            assert file.read_bytes() == b""
        finally:
            fcntl.flock(other, fcntl.LOCK_UN)
        assert answer.result().status_code == 200
    assert len(records(client)) == 1
