"""The commands of docs/operations.md for backup and restore, run as they stand while records are being written."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import migrate
from app.local.server import PrivateServer
from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.processes import ROOT, refused_service, running_service

DATABASE = "ringfence"
EXECUTE, LOGS = "/api/v1/agents/kyc/execute", "/api/v1/audit/logs"
CONTENT = (
    "SELECT id, trace_id, tenant_id, agent_id, mode, status, user_id, created_at FROM audit.audit_logs ORDER BY id"
)


def commands(number: int) -> str:
    """Return one block of the section's commands."""
    return pages.commands("docs/operations.md", "Backup and restore")[number]


class Server:
    """A server of the test's own, of the version that is tested."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.server = PrivateServer(binaries, folder)

    def url(self, role: str = "postgres", database: str = DATABASE) -> str:
        return self.server.url(role, database)

    def rows(self, statement: str, role: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(role)) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def binaries(database: TestDatabase) -> Path:
    ((folder,),) = database.execute("SELECT setting FROM pg_config() WHERE name = 'BINDIR'")
    return Path(folder)


@pytest.fixture
def source(binaries: Path, tmp_path: Path) -> Iterator[Server]:
    folder = reachable(tmp_path / "source")
    source = Server(binaries, folder)
    source.server.start()
    try:
        with psycopg.connect(source.url(database="postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        migrate.apply(source.url())
        source.rows("SELECT audit.create_tenant('acme'), audit.create_tenant('globex')")
        yield source
    finally:
        source.server.remove()


def reachable(folder: Path) -> Path:
    """Let PostgreSQL's OS user come to `folder`, which pytest keeps to itself."""
    for parent in folder.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    folder.parent.chmod(0o755)
    return folder


def run(block: str, binaries: Path, folder: Path, **urls: str) -> str:
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    script = "set -e\n" + block.replace("db/", f"{ROOT}/db/")
    ended = subprocess.run(
        ["bash", "-c", script], cwd=folder, env={"PATH": path, **urls}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


class Writing:
    """Keeps writing records while something else goes on."""

    def __init__(self, source: Server) -> None:
        ((self.key,),) = source.rows("SELECT audit.issue_api_key('acme', 'test')")
        ((self.other,),) = source.rows("SELECT audit.issue_api_key('globex', 'test')")
        self._source = source
        self.acknowledged: list[str] = []

    def __enter__(self) -> "Writing":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        eventually(lambda: len(self.acknowledged) >= 100)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        with running_service(database_url=self._source.url("audit_app")) as service:
            while not self._stop.is_set():
                for key in (self.key, self.other):
                    answer = service.http.post(EXECUTE, headers=bearer(key), json={"input": {}, "user_id": "jürgen"})
                    assert answer.status_code == 200, answer.text
                    self.acknowledged.append(answer.json()["id"])


def assert_restored(source: Server, restored: Server, writing: Writing, before: list[str]) -> None:
    """What was acknowledged before is there as it was, nothing else is, and it is served to whoever has a key."""
    theirs = {str(row[0]): row for row in source.rows(CONTENT)}
    ours = {str(row[0]): row for row in restored.rows(CONTENT)}
    assert len(before) >= 100
    assert set(before) <= ours.keys() <= theirs.keys()
    assert all(theirs[record_id] == row for record_id, row in ours.items())
    report = restored.rows("SELECT rule, intact FROM audit.isolation_report()", "audit_app")
    assert len(report) == 20
    assert all(intact for _, intact in report)
    with running_service(database_url=restored.url("audit_app")) as service:
        assert service.http.post(EXECUTE, headers=bearer(writing.key), json={"input": {}}).status_code == 200
        found = service.http.get(LOGS, headers=bearer(writing.other)).json()["items"]
        assert {item["tenant_id"] for item in found} == {"globex"}


def test_a_dump_is_restored_into_a_new_server_and_served(source: Server, binaries: Path, tmp_path: Path) -> None:
    backup = {"SUPERUSER_URL": source.url(), "BACKUP_URL": source.url("ringfence_backup")}
    with Writing(source) as writing:
        before = list(writing.acknowledged)
        run(commands(0), binaries, tmp_path, **backup)
    restored = Server(binaries, reachable(tmp_path / "restored"))
    restored.server.start()
    try:
        printed = run(
            commands(1), binaries, tmp_path, NEW_SERVER_URL=restored.url(database="postgres"), NEW_URL=restored.url(),
            NEW_APP_URL=restored.url("audit_app"),
        )  # fmt: skip
        assert "acme" in printed
        assert "| f" not in printed
        assert_restored(source, restored, writing, before)
    finally:
        restored.server.remove()


def test_a_base_backup_is_a_server_that_serves(source: Server, binaries: Path, tmp_path: Path) -> None:
    run(commands(0).splitlines()[0], binaries, tmp_path, SUPERUSER_URL=source.url())
    with Writing(source) as writing:
        before = list(writing.acknowledged)
        run(commands(2), binaries, tmp_path, BACKUP_URL=source.url("ringfence_backup"))
    folder = reachable(tmp_path / "copy")
    folder.mkdir()
    (tmp_path / "base").rename(folder / "data")
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "embedded_postgres:", str(folder)], check=True)
    restored = Server(binaries, folder)
    restored.server.start()
    try:
        assert_restored(source, restored, writing, before)
    finally:
        restored.server.remove()
        shutil.rmtree(folder, ignore_errors=True)


def test_the_role_reads_everything_and_writes_nothing(source: Server, binaries: Path, tmp_path: Path) -> None:
    run(commands(0).splitlines()[0], binaries, tmp_path, SUPERUSER_URL=source.url())
    source.rows("SELECT audit.issue_api_key('acme', 'test')")
    assert source.rows("SELECT count(*) FROM audit.api_keys", "ringfence_backup") == [(1,)]
    for statement in (
        "SET transaction_read_only = off; INSERT INTO audit.tenants (id, created_at) VALUES ('x', now())",
        "SET transaction_read_only = off; DELETE FROM audit.audit_logs",
        "SELECT audit.issue_api_key('acme', 'x')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            source.rows(statement, "ringfence_backup")


def test_a_service_that_connects_as_the_role_does_not_start(source: Server, binaries: Path, tmp_path: Path) -> None:
    run(commands(0).splitlines()[0], binaries, tmp_path, SUPERUSER_URL=source.url())
    ended = refused_service(database_url=source.url("ringfence_backup"))
    assert ended.returncode == 3
    assert "refusing to serve" in ended.stderr
