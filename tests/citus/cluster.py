"""A Citus cluster of a coordinator and two workers, each a server of its own in a folder of its own.

The three listen on the loopback interface, since Citus connects its nodes over TCP, and trust whoever connects: the
folder and the machine are the tests' own.
"""

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from app.local.server import PrivateServer

DATABASE = "ringfence"
NODES = ("coordinator", "worker_1", "worker_2")


class CitusCluster:
    """A coordinator and two workers, with the extension and no schema of ours.

    binaries: the folder of initdb and pg_ctl of a PostgreSQL that has Citus. folder: where the three are kept.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.servers = {node: PrivateServer(binaries, folder / node) for node in NODES}
        self.ports = dict(zip(NODES, _free_ports(len(NODES)), strict=True))

    def start(self) -> None:
        """Start the three, make the database on each, and let the coordinator know them all."""
        for node in NODES:
            self.boot(node)
            with psycopg.connect(self.url("postgres", node, "postgres"), autocommit=True) as superuser:
                superuser.execute(f"CREATE DATABASE {DATABASE}")
            with self.connect("postgres", node) as superuser:
                superuser.execute("CREATE EXTENSION citus")
        with self.connect() as superuser:
            superuser.execute("SELECT citus_set_coordinator_host('127.0.0.1', %s)", [self.ports["coordinator"]])
            for node in NODES[1:]:
                superuser.execute("SELECT citus_add_node('127.0.0.1', %s)", [self.ports[node]])

    def boot(self, node: str) -> None:
        """Start one of them, the first time or again."""
        self.servers[node].start(
            "shared_preload_libraries=citus", "listen_addresses=127.0.0.1", f"port={self.ports[node]}",
            "fsync=off", "max_connections=60", "max_prepared_transactions=60",
            "citus.enable_statistics_collection=off",
        )  # fmt: skip

    def remove(self) -> None:
        """Stop the three and delete their files."""
        with ExitStack() as removed:
            for server in self.servers.values():
                removed.callback(server.remove)

    def url(self, login: str = "postgres", node: str = "coordinator", database: str = DATABASE) -> str:
        """Return the libpq URL of a node's database."""
        return f"postgresql://{login}@127.0.0.1:{self.ports[node]}/{database}"

    def connect(self, login: str = "postgres", node: str = "coordinator") -> Connection[Any]:
        """Return a new connection to a node, in autocommit."""
        return psycopg.connect(make_conninfo(self.url(login, node)), autocommit=True)


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
