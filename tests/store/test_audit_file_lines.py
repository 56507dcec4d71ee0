"""The lines of the audit file: kept over restarts, between processes, and beside lines that are damaged."""

import fcntl
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve
from tests.support.calls import execute, page, records
from tests.support.polling import eventually


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


def test_an_append_is_blocked_by_that_of_another_process(client: TestClient, file: Path) -> None:
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
