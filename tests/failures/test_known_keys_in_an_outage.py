"""A service that is started while the database is unavailable: which keys it knows from before, and for how long."""

import asyncio
import hashlib
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.model.credential import Caller
from app.services.known_credentials import Accepted
from app.services.spool.known_credentials import KnownCredentialsTable
from app.services.spool.queue import Spool
from tests.chaos.service import Service
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer, execute
from tests.support.polling import eventually
from tests.support.spool_directory import FILE, query

HEALTH, STORE, LOGS = "/api/v1/health", "/api/v1/health/db", "/api/v1/audit/logs"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def call(service: Service, key: str) -> httpx.Response:
    # Each on a connection of its own: with several workers any of them may take it.
    url = f"http://127.0.0.1:{service.port}/api/v1/agents/a/execute"
    return httpx.post(url, headers=bearer(key), json={"input": {}}, trust_env=False, timeout=30)


def copies(directory: Path) -> list[tuple[Any, ...]]:
    return query(directory, "SELECT * FROM known_credentials")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_that_is_killed_and_started_in_the_outage_spools_for_the_keys_that_it_knew(
    database: TestDatabase, directory: Path, workers: int
) -> None:
    key, unknown = database.issue_api_key("acme"), database.issue_api_key("globex")
    service = Service(directory, database_url=database.url("audit_app"))
    service.start(workers=workers)
    try:
        assert call(service, key).status_code == 200
        eventually(lambda: copies(directory))
        service.kill()
        database.go_down()
        service.start(workers=workers)

        answers = [call(service, key) for _ in range(8)]
        assert [answer.json().get("stored") for answer in answers] == ["spool"] * 8
        assert call(service, unknown).status_code == 503
        database.come_up()
        stored = "SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'acme'"
        eventually(lambda: database.execute(stored) == [(9,)])
        assert eventually(lambda: call(service, unknown).status_code == 200)
    finally:
        service.stop()


def test_the_copy_of_known_keys_holds_none_and_is_for_its_owner_alone(
    serve: Serve, database: TestDatabase, directory: Path
) -> None:
    key = database.issue_api_key("acme")
    client = serve(database_url=SecretStr(database.url("audit_app")), spool=True, spool_path=directory)
    assert execute(client, api_key=key).status_code == 200

    eventually(lambda: copies(directory))

    secret = key.split("_")[2]
    digest = hashlib.sha256(secret.encode())  # by which the database knows the key
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for told in (secret.encode(), digest.hexdigest().encode(), digest.digest()):
            assert told not in path.read_bytes()


def leave_copy(
    directory: Path, text: str, *, kind: str = "key", accepted_at: float = 0.0, expires_at: datetime | None = None
) -> None:
    """Leave what a worker that is gone has seen accepted for acme, by default a moment ago."""
    digest = hashlib.sha256(f"{kind} {text}".encode()).digest()
    caller = Caller("acme", frozenset({"read", "write"}), expires_at)
    accepted = Accepted(digest, caller, accepted_at or time.time())

    async def write() -> None:
        spool = Spool(directory, 1_000_000)
        await spool.open()
        await KnownCredentialsTable(spool.file).write("api_key", [accepted])
        await spool.close()

    asyncio.run(write())


@pytest.mark.parametrize(
    ("seconds_ago", "status"), [(890.0, 200), (910.0, 503), (-60.0, 503)], ids=["known", "too old", "yet to come"]
)
def test_a_key_counts_for_a_quarter_of_an_hour_after_the_database_accepted_it(
    serve: Serve, database: TestDatabase, directory: Path, seconds_ago: float, status: int
) -> None:
    key = database.issue_api_key("acme")
    leave_copy(directory, key, accepted_at=time.time() - seconds_ago)
    database.go_down()

    client = serve(database_url=SecretStr(database.url("audit_app")), spool=True, spool_path=directory)

    assert execute(client, api_key=key).status_code == status
    database.come_up()


def test_a_key_that_has_expired_meanwhile_does_not_count(serve: Serve, database: TestDatabase, directory: Path) -> None:
    key = database.issue_api_key("acme")
    other = database.issue_api_key("acme")
    leave_copy(directory, key, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    leave_copy(directory, other, expires_at=datetime.now(UTC) + timedelta(hours=1))
    database.go_down()

    client = serve(database_url=SecretStr(database.url("audit_app")), spool=True, spool_path=directory)

    assert_problem(execute(client, api_key=key), 503, "storage-unavailable")
    assert execute(client, api_key=other).json()["stored"] == "spool"
    database.come_up()


@pytest.mark.parametrize("scopes", ["", "{", "1", "[[]]"])
def test_a_copy_that_cannot_be_read_is_no_reason_not_to_serve(
    serve: Serve, database: TestDatabase, directory: Path, caplog: pytest.LogCaptureFixture, scopes: str
) -> None:
    key = database.issue_api_key("acme")
    leave_copy(directory, key)
    query(directory, "UPDATE known_credentials SET scopes = ?", scopes)

    client = serve(database_url=SecretStr(database.url("audit_app")), spool=True, spool_path=directory)

    assert "known credentials cannot be read" in caplog.text
    assert execute(client, api_key=key).status_code == 200


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 10_000])
def test_a_spool_that_is_damaged_is_no_reason_not_to_serve(
    serve: Serve, database: TestDatabase, directory: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    directory.mkdir()
    (directory / FILE).write_bytes(content)
    key = database.issue_api_key("acme")

    client = serve(database_url=SecretStr(database.url("audit_app")), spool=True, spool_path=directory)

    assert execute(client, api_key=key).status_code == 200
    assert "is damaged: " in caplog.text
    assert (directory / FILE).read_bytes() == content
    database.go_down()
    eventually(lambda: execute(client, api_key=key).status_code == 503)
    database.come_up()


def test_a_name_of_the_copy_is_not_taken_for_a_key(serve: Serve, database: TestDatabase, directory: Path) -> None:
    leave_copy(directory, "acme", kind="name")
    database.go_down()

    client = serve(database_url=SecretStr(database.url("audit_app")), spool=True, spool_path=directory)

    assert client.get(STORE).json()["tenant_source"] == "api_key"
    assert_problem(execute(client, api_key="acme"), 503, "storage-unavailable")
    database.come_up()
