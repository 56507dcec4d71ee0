"""The real service, as a process on a real database, and a tenant of each test's own.

`make test-client` starts the server and names it in the environment (tests/support/client_suite.py).
"""

import os
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # read at import, and else downloaded

import psycopg
import pytest
from gateway import Gateway, running_gateway

import ringfence

T = TypeVar("T")
Database = psycopg.Connection[tuple[object, ...]]


def eventually(condition: Callable[[], T], *, within: float = 30.0) -> T:
    """Return the first true value of `condition`; fail when there is none within so many seconds."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within:g} seconds"
        time.sleep(0.01)
    return value


class Service:
    """The service on one port, to be killed and started again."""

    def __init__(self, output: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = output
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it unless it runs; return when it listens."""
        if self.process is not None:
            return
        settings = {"PORT": str(self.port), "DATABASE_URL": os.environ["RINGFENCE_TEST_SERVICE_URL"], "SPOOL": "off"}
        with self.output.open("ab") as output:
            began = output.tell()
            self.process = subprocess.Popen(
                [os.environ["RINGFENCE_TEST_SERVICE_PYTHON"], "-m", "app"],
                cwd=os.environ["RINGFENCE_TEST_CHECKOUT"], env=os.environ | settings,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        process = self.process
        eventually(lambda: process.poll() is not None or b"running on http" in self.output.read_bytes()[began:])
        assert process.poll() is None, self.output.read_text()

    def kill(self) -> None:
        """Kill it, with no chance to finish anything."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """Stop it if it runs."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service") / "output")
    service.start()
    yield service
    service.stop()


@pytest.fixture
def service(shared_service: Service) -> Iterator[Service]:
    """The service, running; also after a test that has killed it."""
    shared_service.start()
    yield shared_service
    shared_service.start()


@pytest.fixture
def gateway(service: Service) -> Iterator[Gateway]:
    """A gateway before the running service, which passes everything on until a test says otherwise."""
    with running_gateway(service.url) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    with psycopg.connect(os.environ["RINGFENCE_TEST_DATABASE_URL"], autocommit=True) as connection:
        yield connection


@dataclass(frozen=True)
class Tenant:
    """A tenant of a test's own. key: of its first API key."""

    id: str
    key: str = field(repr=False)
    database: Database

    def issue_key(self, *scopes: str) -> str:
        return _issue_key(self.database, self.id, *(scopes or ("read", "write")))

    def revoke(self, key: str) -> None:
        self.database.execute("SELECT audit.revoke_api_key(p_id => %s)", [key.split("_")[1]])

    def records(self, columns: str = "status") -> list[tuple[object, ...]]:
        """Return these columns of its records, in the order in which the database got them."""
        query = f"SELECT {columns} FROM audit.audit_logs WHERE tenant_id = %s ORDER BY recorded_xid, id"
        return self.database.execute(query.encode(), [self.id]).fetchall()

    def ids(self) -> list[str]:
        return [str(id_) for (id_,) in self.records("id")]


def _issue_key(database: Database, tenant: str, *scopes: str) -> str:
    query = "SELECT audit.issue_api_key(p_tenant_id => %s, p_label => 'test', p_scopes => %s)"
    row = database.execute(query, [tenant, list(scopes)]).fetchone()
    assert row is not None
    return str(row[0])


def _new_tenant(database: Database) -> Tenant:
    name = f"bank-{secrets.token_hex(6)}"
    database.execute("SELECT audit.create_tenant(p_id => %s)", [name])
    return Tenant(name, _issue_key(database, name, "read", "write"), database)


@pytest.fixture
def tenant(database: Database) -> Tenant:
    return _new_tenant(database)


@pytest.fixture
def another(database: Database) -> Tenant:
    return _new_tenant(database)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool.sqlite3"


@pytest.fixture
def audit(service: Service, tenant: Tenant, spool: Path) -> Iterator[ringfence.Client]:
    """A client of the running service."""
    with ringfence.Client(service.url, tenant.key, spool=spool, timeout=5) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if re.fullmatch(r"RINGFENCE_(URL|API_KEY|ALLOW_UNENCRYPTED)", name):
            monkeypatch.delenv(name)
