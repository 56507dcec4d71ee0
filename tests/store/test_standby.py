"""A server that only reads is unavailable: a standby behind a pooler whose connections stay open, or at the start."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from app import migrate
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.chaos.pooler import Pooler, ensure_program
from tests.conftest import Serve
from tests.support.calls import assert_problem, bearer, execute, records
from tests.support.polling import eventually
from tests.support.processes import running_service
from tests.support.spool_directory import query

DATABASE, STORE = "ringfence", "/api/v1/health/db"


@dataclass(frozen=True)
class Pair:
    """A primary, a standby that follows it, and a key of acme."""

    primary: Cluster
    standby: Cluster
    key: str


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ringfence-standby-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def pair(folder: Path) -> Iterator[Pair]:
    primary, standby = (Cluster(wheel_binaries(), folder / name) for name in ("primary", "standby"))
    try:
        primary.start()
        primary.query(f"CREATE DATABASE {DATABASE}")
        migrate.apply(primary.url("postgres", DATABASE))
        with psycopg.connect(primary.url("postgres", DATABASE), autocommit=True) as administrator:
            administrator.execute("SELECT audit.create_tenant(p_id => 'acme')")
            issue = "SELECT audit.issue_api_key(p_tenant_id => 'acme', p_label => 'test', p_scopes => '{read,write}')"
            (key,) = administrator.execute(issue).fetchone() or ("",)
        standby.follow(primary)
        yield Pair(primary, standby, str(key))
    finally:
        standby.remove()
        primary.remove()


@pytest.fixture
def pooler(pair: Pair, folder: Path) -> Iterator[Pooler]:
    ensure_program()
    pooler = Pooler(pair.primary, folder / "pgbouncer")
    pooler.start()
    yield pooler
    pooler.remove()


def test_a_standby_behind_connections_that_stay_open_is_unavailable_at_once(
    serve_any: Serve, pair: Pair, pooler: Pooler, tmp_path: Path
) -> None:
    url = SecretStr(pooler.url(DATABASE))
    client = serve_any(database_url=url, spool=True, spool_path=tmp_path / "spool", database_pool_size=2)
    assert execute(client, api_key=pair.key).status_code == 200
    eventually(lambda: query(tmp_path / "spool", "SELECT * FROM known_credentials"))  # the key is known
    pooler.lead_to(pair.standby)

    answer = execute(client, api_key=pair.key)

    assert (answer.status_code, answer.json().get("stored")) == (200, "spool")
    assert client.get("/api/v1/health").json()["database"] == "down"
    assert_problem(client.get("/api/v1/audit/logs", headers=bearer(pair.key)), 503, "storage-unavailable")
    store = client.get(STORE)
    assert (store.status_code, store.json()["reason"]) == (503, "the database is a standby, which only reads")
    pooler.lead_to(pair.primary)
    eventually(lambda: client.get(STORE).status_code == 200)
    eventually(lambda: answer.json()["id"] in [record["id"] for record in records(client, api_key=pair.key)])


def test_the_health_of_a_standby_is_failed_before_anybody_has_written(
    serve_any: Serve, pair: Pair, pooler: Pooler
) -> None:
    client = serve_any(database_url=SecretStr(pooler.url(DATABASE)), database_pool_size=2)
    assert client.get(STORE).status_code == 200

    pooler.lead_to(pair.standby)

    assert client.get(STORE).status_code == 503
    pooler.lead_to(pair.primary)
    eventually(lambda: client.get(STORE).status_code == 200)


def test_a_service_that_starts_on_a_standby_says_so_in_one_line_and_waits(pair: Pair) -> None:
    with running_service(database_url=pair.standby.url("audit_app", DATABASE)) as service:
        assert service.http.get("/api/v1/health").json()["database"] == "down"
        assert service.http.get(STORE).json()["reason"] == "the database is a standby, which only reads"
        assert "Traceback" not in service.printed()
        (line,) = [json.loads(line) for line in service.printed().splitlines() if "waiting for the database" in line]
        assert "recovery" in line["message"]
