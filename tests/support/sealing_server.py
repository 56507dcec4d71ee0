"""A server of its own with a migrated database, and what its trees must be, computed from what is stored."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from app import migrate
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster

DATABASE = "ringfence"
SEALER, GATEWAY, REGISTRAR = "test_sealer", "test_gateway", "test_registrar"
SEAL = "SELECT audit.seal_records(p_milliseconds => %s)"
_SETTINGS = ("max_prepared_transactions=5", "max_connections=100")


def root_of(hashes: list[bytes]) -> bytes:
    """Return the root of RFC 6962, straight from its definition."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(hashes[:split]) + root_of(hashes[split:])).digest()


@dataclass(frozen=True)
class SealingServer:
    """A cluster that nothing else writes to: a horizon is held back by every other writer of a server."""

    cluster: Cluster

    def start(self) -> None:
        """Start it, again after a crash."""
        self.cluster.start(*_SETTINGS)

    def connect(self, login: str = "postgres", database: str = DATABASE) -> Connection[Any]:
        """Return a new connection in autocommit."""
        return psycopg.connect(self.cluster.url(login, database), autocommit=True)

    def seal(self) -> int:
        """Seal until nothing is left; return how many records that were."""
        total = 0
        with self.connect(SEALER) as sealer:
            while sealed := _value(sealer.execute(SEAL, [5000])):
                total += sealed
        return total

    def check(self) -> dict[str, int]:
        """Compare leaves with records: each has one, in the right order, under the right root; return the sizes."""
        with self.connect() as superuser:
            # The one order that is safe: in which transactions got their numbers, and by id within one.
            records: dict[str, list[Any]] = {}
            for tenant, record_id in superuser.execute(
                "SELECT l.tenant_id, l.id FROM audit.audit_logs AS l"
                " ORDER BY l.recorded_xid NULLS FIRST, CASE WHEN l.recorded_xid IS NULL THEN l.created_at END, l.id"
            ):
                records.setdefault(tenant, []).append(record_id)
            leaves: dict[str, list[Any]] = {}
            hashes: dict[str, list[bytes]] = {}
            for tenant, index, leaf_hash, record_id in superuser.execute(
                "SELECT s.tenant_id, s.leaf_index, s.leaf_hash, s.record_id FROM audit.seals AS s ORDER BY 1, 2"
            ):
                assert index == len(hashes.setdefault(tenant, []))
                hashes[tenant].append(leaf_hash)
                leaves.setdefault(tenant, []).append(record_id)
            trees = superuser.execute("SELECT t.tenant_id, t.size, t.root FROM audit.trees AS t").fetchall()
        assert leaves == records
        assert {tenant: (size, root) for tenant, size, root in trees} == {
            tenant: (len(each), root_of(each)) for tenant, each in hashes.items()
        }
        return {tenant: size for tenant, size, _ in trees}


def _value(cursor: Any) -> Any:
    (value,) = cursor.fetchone()
    return value


@contextmanager
def sealing_server(*tenants: str) -> Iterator[SealingServer]:
    """Make a server with these tenants, and the logins of a sealer, a gateway and an administrator."""
    binaries = Path(os.environ.get("POSTGRESQL_BINARIES") or wheel_binaries())
    with tempfile.TemporaryDirectory(prefix="ringfence-sealing-") as name:
        Path(name).chmod(0o755)
        server = SealingServer(Cluster(binaries, Path(name) / "server"))
        try:
            server.start()
            server.cluster.query(f"CREATE DATABASE {DATABASE}")
            migrate.apply(server.cluster.url("postgres", DATABASE))
            with server.connect() as superuser:
                # An ANALYZE that happens to run is a writing transaction too.
                superuser.execute("ALTER SYSTEM SET autovacuum = off")
                superuser.execute("SELECT pg_reload_conf()")
                superuser.execute(f"CREATE ROLE {SEALER} LOGIN IN ROLE audit_sealer")
                superuser.execute(f"CREATE ROLE {GATEWAY} LOGIN IN ROLE audit_trusted")
                superuser.execute(f"CREATE ROLE {REGISTRAR} LOGIN IN ROLE audit_admin")
                for tenant in tenants:
                    superuser.execute("SELECT audit.create_tenant(p_id => %s)", [tenant])
            yield server
        finally:
            server.cluster.remove()
