"""A cluster of Citus that is distributed, with two tenants, for the tests here; skipped where no Citus is given."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.distribute import distribute
from tests.citus.cluster import CitusCluster
from tests.support.database import TestDatabase

SHARDS = 8
Statement = tuple[str, list[Any]]
LOGINS = {
    "audit_gateway": "audit_trusted",
    "test_gateway": "audit_trusted",
    "test_registrar": "audit_admin",
    "test_sealer": "audit_sealer",
    "test_signer": "audit_signer",
    "test_keeper": "audit_retention",
    "test_eraser": "audit_eraser",
}


@dataclass(frozen=True)
class Distributed:
    """A distributed cluster, and a key of every scope for each of its tenants."""

    cluster: CitusCluster
    keys: dict[str, str]

    def call(self, login: str, *statements: Statement, node: str = "coordinator") -> Any:
        """Run statements in one transaction, as `login`; return the first column of the last one's row."""
        with psycopg.connect(self.cluster.url(login, node)) as connection:
            for statement, parameters in statements:
                cursor = connection.execute(statement.encode(), parameters)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def keyed(self, tenant: str, statement: str, *parameters: Any) -> Any:
        """Run a statement as the service does, with a key of the tenant."""
        return self.call(
            "audit_app", ("SELECT audit.enter_tenant(%s)", [self.keys[tenant]]), (statement, list(parameters))
        )

    def named(self, tenant: str, statement: str, *parameters: Any) -> Any:
        """Run a statement as a gateway does, which names the tenant."""
        return self.call("test_gateway", ("SELECT audit.set_tenant(%s)", [tenant]), (statement, list(parameters)))

    def shard_of(self, tenant: str) -> tuple[str, str]:
        """Return the node that has a tenant's records, and the shard's name there."""
        with self.cluster.connect() as superuser:
            shard = superuser.execute(
                "SELECT get_shard_id_for_distribution_column('audit.audit_logs', %s::text)", [tenant]
            )
            (number,) = shard.fetchone() or (None,)
            placement = superuser.execute("SELECT nodeport FROM citus_shards WHERE shardid = %s", [number])
            (port,) = placement.fetchone() or (None,)
        (node,) = [node for node, its in self.cluster.ports.items() if its == port]
        return node, f"audit.audit_logs_{number}"


@pytest.fixture(scope="session")
def binaries(request: pytest.FixtureRequest) -> Path:
    """The programs of a PostgreSQL that has Citus."""
    given: Path | None = request.config.getoption("--citus")
    if given is None:
        pytest.skip("no Citus is given: --citus /path/to/bin")
    return given


@pytest.fixture(scope="module")
def empty_cluster(binaries: Path) -> Iterator[CitusCluster]:
    """A cluster with nothing of ours in it."""
    with tempfile.TemporaryDirectory(prefix="ringfence-citus-") as name:
        Path(name).chmod(0o755)
        cluster = CitusCluster(binaries, Path(name))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.remove()


@pytest.fixture(scope="module")
def distributed(empty_cluster: CitusCluster) -> Distributed:
    """A distributed cluster with the tenants acme and globex, which lie on different nodes."""
    distribute(empty_cluster.url(), SHARDS)
    keys = {}
    with empty_cluster.connect() as superuser:
        for login, group in LOGINS.items():
            superuser.execute(f"CREATE ROLE {login} LOGIN IN ROLE {group}".encode())
        for tenant in ("acme", "globex"):
            superuser.execute("SELECT audit.create_tenant(p_id => %s)", [tenant])
            issued = superuser.execute(
                "SELECT audit.issue_api_key(p_tenant_id => %s, p_label => 'test', p_scopes => %s)",
                [tenant, ["read", "write", "import"]],
            )
            (keys[tenant],) = issued.fetchone() or ("",)
    return Distributed(empty_cluster, keys)


@pytest.fixture
def database(distributed: Distributed) -> Iterator[TestDatabase]:
    """The coordinator, as tests of a single server take it: their fixtures and helpers work on it."""
    with distributed.cluster.connect() as superuser:
        yield TestDatabase(superuser)
