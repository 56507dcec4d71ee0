"""A primary and a standby that streams from it, and a service that reads from the standby."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import migrate
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.conftest import Serve
from tests.support.calls import bearer
from tests.support.polling import eventually

DATABASE = "ringfence"
LOGS = "/api/v1/audit/logs"


@dataclass(frozen=True)
class Pair:
    """A primary, and a standby that streams from it."""

    primary: Cluster
    standby: Cluster

    def value(self, statement: LiteralString, *parameters: str) -> Any:
        """Run a statement on the primary, as a superuser; return its one value."""
        with psycopg.connect(self.primary.url("postgres", DATABASE), autocommit=True) as superuser:
            (value,) = superuser.execute(statement, parameters).fetchone() or (None,)
        return value

    def new_key(self) -> str:
        """Return a key for reading and writing, of a tenant that has no records yet."""
        tenant = f"tenant-{uuid.uuid4().hex[:8]}"
        self.value("SELECT audit.create_tenant(p_id => %s)", tenant)
        return str(self.value("SELECT audit.issue_api_key(p_tenant_id => %s, p_label => 'test')", tenant))

    @contextmanager
    def lagging(self) -> Iterator[None]:
        """Keep the standby from replaying what it receives."""
        with psycopg.connect(self.standby.url("postgres", DATABASE), autocommit=True) as superuser:
            superuser.execute("SELECT pg_wal_replay_pause()")
            paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
            eventually(lambda: superuser.execute(paused).fetchone() == (True,))
            try:
                yield
            finally:
                superuser.execute("SELECT pg_wal_replay_resume()")


@contextmanager
def streaming_pair() -> Iterator[Pair]:
    """Make a pair; the primary's commits wait for no standby."""
    with tempfile.TemporaryDirectory(prefix="ringfence-replica-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        primary, standby = (Cluster(wheel_binaries(), folder / each) for each in ("primary", "standby"))
        try:
            primary.start()
            primary.query(f"CREATE DATABASE {DATABASE}")
            migrate.apply(primary.url("postgres", DATABASE))
            standby.follow(primary)
            primary.query("ALTER SYSTEM RESET synchronous_standby_names")
            primary.query("SELECT pg_reload_conf()")
            yield Pair(primary, standby)
        finally:
            standby.remove()
            primary.remove()


def serving(serve_any: Serve, pair: Pair, **settings: Any) -> TestClient:
    """Return a client of a service that reads from the standby."""
    client = serve_any(
        database_url=SecretStr(pair.primary.url("audit_app", DATABASE)),
        read_database_url=SecretStr(pair.standby.url("audit_app", DATABASE)),
        metrics_token=SecretStr("token"),
        **settings,
    )
    eventually(lambda: metric(client, "ringfence_read_database_up") == 1)
    return client


def metric(client: TestClient, name: str) -> float:
    """Return the value of one metric, 0 where it was never counted."""
    lines = client.get("/metrics", headers=bearer("token")).text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(f"{name} ")), 0.0)


def write(client: TestClient, key: str) -> str:
    """Execute an agent, and return the record's id."""
    answer = client.post("/api/v1/agents/agent/execute", headers=bearer(key), json={"input": {}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def listed(client: TestClient, key: str, consistency: str = "eventual") -> list[str]:
    """Return the ids of the tenant's records, newest first."""
    answer = client.get(LOGS, headers=bearer(key), params={"consistency": consistency})
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["items"]]


def arrived(client: TestClient, key: str, record_id: str) -> bool:
    """Whether the standby has this record, and the key."""
    before = reads(client, "replica")
    return listed(client, key) == [record_id] and reads(client, "replica") > before


def reads(client: TestClient, database: str) -> float:
    """Return how many reads `database` (replica or primary) has answered."""
    return metric(client, f'ringfence_reads_total{{database="{database}"}}')
