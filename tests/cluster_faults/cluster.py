"""A Citus cluster that can be broken: what `Laboratory` takes for its database."""

from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from app.distribute import distribute
from tests.chaos.cluster import Cluster
from tests.chaos.laboratory import Laboratory
from tests.chaos.load import Load
from tests.citus.cluster import DATABASE, NODES, CitusCluster
from tests.cluster_faults.network import Network

FAR = "worker_2"
"""The worker at the other end of the network."""
SHARDS = 8


_SETTINGS = (
    "citus.recover_2pc_interval=2s", "citus.node_connection_timeout=1s",
    "citus.node_conninfo='sslmode=require tcp_user_timeout=3000 keepalives_idle=2 keepalives_interval=1"
    " keepalives_count=2'",
)  # fmt: skip
"""As docs/citus.md has them."""


class BreakableCluster(CitusCluster):
    """A coordinator and two workers, of which one is reached over a network that can be cut, where one can be made."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.network = None if Network.refusal() else Network()
        super().__init__(binaries, folder, NODES, *_SETTINGS)

    def server(self, node: str) -> Cluster:
        """Return the server of a node, which is not started."""
        if node == FAR and self.network:
            return _FarServer(self.binaries, self.folder / node, self.network)
        return super().server(node)

    def host(self, node: str) -> str:
        """Return the address at which the others reach a node."""
        if not self.network:
            return super().host(node)
        return self.network.there if node == FAR else self.network.here

    def make(self, node: str) -> None:
        """Start a node for the first time, let the others in, and make the database with the extension on it."""
        self.boot(node)
        if self.network:
            self.servers[node].admit(self.network.range)
        super().make(node)

    def start(self) -> None:
        """Lay the network, and start all."""
        if self.network:
            self.network.lay()
        super().start()

    def remove(self) -> None:
        """Stop all, delete their files, and take the network away."""
        super().remove()
        if self.network:
            self.network.remove()


class _FarServer(Cluster):
    """A server at the other end of a network."""

    def __init__(self, binaries: Path, folder: Path, network: Network) -> None:
        super().__init__(binaries, folder)
        self._network = network

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        with self._network.entered():
            return super()._run(program, *arguments, check=check)


class ClusterDatabase:
    """The cluster as one database, which its coordinator is."""

    def __init__(self, nodes: BreakableCluster) -> None:
        self.nodes = nodes

    def start(self, *_: str) -> None:
        """Start the nodes, and make the database on each."""
        self.nodes.start()

    def create_database(self, name: str) -> None:
        """Nothing: it is there."""
        assert name == DATABASE

    def remove(self) -> None:
        """Stop the nodes, and delete their files."""
        self.nodes.remove()

    def url(self, role: str, database: str = "postgres") -> str:
        """Return the libpq URL of `database` on the coordinator, as `role`."""
        return self.nodes.url(role, database=database)

    def query(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement on the coordinator as a superuser; return its rows."""
        with psycopg.connect(make_conninfo(self.url("postgres", database)), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def tenants_on(self, node: str) -> set[str]:
        """Return the tenants whose records lie on a node."""
        rows = self.query(
            "SELECT t.id FROM audit.tenants AS t JOIN citus_shards AS s"
            " ON s.shardid = get_shard_id_for_distribution_column('audit.audit_logs', t.id)"
            f" WHERE s.nodeport = {self.nodes.ports[node]}",
            DATABASE,
        )
        return {str(tenant) for (tenant,) in rows}


class ClusterLaboratory(Laboratory[ClusterDatabase]):
    """A distributed cluster with the service on it."""

    def migrate(self) -> None:
        """Bring every node to this release."""
        distribute(self.cluster.url("postgres", DATABASE), SHARDS)

    def new_load(self) -> Load:
        """Return callers of whom some repeat requests under an Idempotency-Key."""
        return Load(self.service.port, self.keys, repeating=4)
