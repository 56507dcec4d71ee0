"""A Citus cluster of a coordinator and some workers, each a server of its own in a folder of its own.

They listen on the loopback interface, since Citus connects its nodes over TCP, and trust whoever connects: the folder
and the machine are the tests' own.
"""

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from tests.chaos.cluster import Cluster

DATABASE = "ringfence"
COORDINATOR = "coordinator"
NODES = (COORDINATOR, "worker_1", "worker_2")


class CitusCluster:
    """A coordinator and its workers, with the extension and no schema of ours.

    binaries: the folder of initdb and pg_ctl of a PostgreSQL that has Citus. folder: where all are kept. nodes: their
    names, the coordinator first. settings: of every node, each NAME=VALUE.
    """

    def __init__(self, binaries: Path, folder: Path, nodes: tuple[str, ...] = NODES, *settings: str) -> None:
        self.binaries = binaries
        self.folder = folder
        self.servers = {node: self.server(node) for node in nodes}
        self.ports = dict(zip(nodes, _free_ports(len(nodes)), strict=True))
        self._settings = settings

    def server(self, node: str) -> Cluster:
        """Return the server of a node, which is not started."""
        return Cluster(self.binaries, self.folder / node)

    def start(self) -> None:
        """Start all, make the database on each, and let the coordinator know its workers."""
        for node in self.servers:
            self.make(node)
        with self.connect() as superuser:
            superuser.execute(
                "SELECT citus_set_coordinator_host(%s, %s)", [self.host(COORDINATOR), self.ports[COORDINATOR]]
            )
        for node in self.servers:
            if node != COORDINATOR:
                self.add(node)

    def make(self, node: str) -> None:
        """Start a node for the first time, and make the database with the extension on it."""
        self.boot(node)
        with psycopg.connect(self.url("postgres", node, "postgres"), autocommit=True) as superuser:
            superuser.execute(f"CREATE DATABASE {DATABASE}")
        with self.connect("postgres", node) as superuser:
            superuser.execute("CREATE EXTENSION citus")

    def boot(self, node: str) -> None:
        """Start a node, the first time or again."""
        self.servers[node].start(
            "shared_preload_libraries=citus", f"listen_addresses={self.host(node)}", f"port={self.ports[node]}",
            "fsync=off", "max_connections=60", "max_prepared_transactions=60",
            "citus.enable_statistics_collection=off", f"citus.local_hostname={self.host(node)}", *self._settings,
        )  # fmt: skip

    def bring(self, node: str) -> None:
        """Make another node, which the coordinator does not know."""
        self.servers[node] = self.server(node)
        (self.ports[node],) = _free_ports(1)
        self.make(node)

    def add_inactive(self, node: str) -> None:
        """Let the coordinator know a worker that is not ready for shards."""
        with self.connect() as superuser:
            superuser.execute("SELECT citus_add_inactive_node(%s, %s)", [self.host(node), self.ports[node]])

    def add(self, node: str) -> None:
        """Let the coordinator know a worker."""
        with self.connect() as superuser:
            superuser.execute("SELECT citus_add_node(%s, %s)", [self.host(node), self.ports[node]])

    def remove(self) -> None:
        """Stop all and delete their files."""
        with ExitStack() as removed:
            for server in self.servers.values():
                removed.callback(server.remove)

    def host(self, node: str) -> str:  # noqa: ARG002
        """Return the address at which the others reach a node."""
        return "127.0.0.1"

    def url(self, login: str = "postgres", node: str = COORDINATOR, database: str = DATABASE) -> str:
        """Return the libpq URL of a node's database."""
        return f"postgresql://{login}@{self.host(node)}:{self.ports[node]}/{database}"

    def connect(self, login: str = "postgres", node: str = COORDINATOR) -> Connection[Any]:
        """Return a new connection to a node, in autocommit."""
        return psycopg.connect(make_conninfo(self.url(login, node)), autocommit=True)


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
