"""Readers of a feed behind a pooler of transactions, which takes a LISTEN and passes no notification on."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import migrate
from app.local.server import wheel_binaries
from app.services import feed
from tests.chaos.cluster import Cluster
from tests.chaos.pooler import Pooler, ensure_program
from tests.conftest import Serve
from tests.support.feeds import read, waiting, write
from tests.support.inside import state_of
from tests.support.polling import eventually

DATABASE = "ringfence"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ringfence-pooler-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(wheel_binaries(), folder / "server")
    try:
        cluster.start()
        cluster.query(f"CREATE DATABASE {DATABASE}")
        migrate.apply(cluster.url("postgres", DATABASE))
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def serve_pooled(cluster: Cluster, folder: Path, serve_any: Serve) -> Iterator[Serve]:
    """Start the service through a pooler, with a key of acme in its client."""
    ensure_program()
    pooler = Pooler(cluster, folder / "pgbouncer")
    pooler.start()
    with psycopg.connect(cluster.url("postgres", DATABASE), autocommit=True) as administrator:
        if administrator.execute("SELECT FROM audit.tenants").fetchone() is None:
            administrator.execute("SELECT audit.create_tenant(p_id => 'acme')")
        issue = "SELECT audit.issue_api_key(p_tenant_id => 'acme', p_label => 'test', p_scopes => '{read,write}')"
        (key,) = administrator.execute(issue).fetchone() or ("",)

    def start(**settings: Any) -> TestClient:
        client = serve_any(database_url=SecretStr(pooler.url(DATABASE)), database_pool_size=2, **settings)
        client.keys = {"acme": str(key)}
        return client

    yield start
    pooler.remove()


def wait_for_a_record(client: TestClient) -> None:
    """Return once a reader that waits has been given a record that was written while it waited."""
    after = read(client)[1]["position"]
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read, client, after=after, wait=30)
        eventually(lambda: waiting() == 1)
        record_id = write(client)
        assert [line["id"] for line in reader.result(timeout=25)[0]] == [record_id]


def test_news_arrives_over_the_address_without_the_pooler(
    serve_pooled: Serve, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_SECONDS_UNTOLD", 600.0)  # so that the news alone can wake the reader
    client = serve_pooled(listen_database_url=SecretStr(cluster.url("audit_app", DATABASE)))
    wait_for_a_record(client)
    assert state_of(client).audit_logger.hears_of_sealing


def test_without_that_address_readers_look_by_themselves(serve_pooled: Serve) -> None:
    client = serve_pooled()
    wait_for_a_record(client)
    assert not state_of(client).audit_logger.hears_of_sealing
