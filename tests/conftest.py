"""A real server, a freshly migrated database for each test, and the service on top of it.

The server is the one that tests/run.py has started (PostgreSQL does not run as root, and pytest-postgresql's own
executor knows no way around that); pytest-postgresql clones a migrated template for each test.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import Connection
from pydantic import SecretStr
from pytest_postgresql import factories

from app import migrate
from app.main import create_app
from app.settings import Settings


def migrated(**connection: Any) -> None:
    """Bring the template to this release and register the tenants that the tests speak of."""
    url = (
        f"postgresql://{connection['user']}@/{connection['dbname']}?host={connection['host']}&port={connection['port']}"
    )
    migrate.apply(url)
    with psycopg.connect(url, autocommit=True) as administrator:
        for tenant in ("acme", "globex"):
            administrator.execute("SELECT audit.create_tenant(p_id => %s)", [tenant])


postgresql_server = factories.postgresql_noproc(load=[migrated], dbname="ringfence_test")
administrator = factories.postgresql("postgresql_server")


@dataclass(frozen=True)
class TestDatabase:
    """One test's own database."""

    __test__ = False

    administrator: Connection[Any]

    def url(self, role: str = "audit_app") -> str:
        """Return its URL for `role`."""
        info = self.administrator.info
        return f"postgresql://{role}@/{info.dbname}?host={info.host}&port={info.port}"


@pytest.fixture
def database(administrator: Connection[Any]) -> TestDatabase:
    """A migrated database with the tenants acme and globex; `administrator` is a superuser's connection to it."""
    administrator.autocommit = True
    return TestDatabase(administrator)


@pytest.fixture
def serve(database: TestDatabase) -> Iterator[Callable[..., TestClient]]:
    """Start the service on `database` with the given settings; it is stopped after the test."""
    clients: list[TestClient] = []

    def start(**settings: Any) -> TestClient:
        settings.setdefault("database_url", SecretStr(database.url()))
        client = TestClient(create_app(Settings(**settings)), raise_server_exceptions=False)
        clients.append(client)
        return client.__enter__()

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture(params=["postgresql", "jsonl"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestClient]:
    """The service on each of its backends."""
    if request.param == "postgresql":
        yield request.getfixturevalue("serve")()
        return
    settings = Settings(database_url=None, audit_log_path=tmp_path / "audit.jsonl")
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client
