"""The target of the floods: a private PostgreSQL with several tenants, and the service on it as a process."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app import migrate
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.chaos.service import Service

DATABASE = "ringfence"
TENANTS = ("neighbour", "attacker", *(f"caller-{number}" for number in range(8)))
_LONG_TEXT = "'\U0001f3e6'"
"""Four bytes a character, the most that UTF-8 has."""


class Laboratory:
    """keys: of each tenant, and one of the attacker's that may only read."""

    def __init__(self, folder: Path) -> None:
        self.keys: dict[str, str] = {}
        self._cluster = Cluster(wheel_binaries(), folder / "server")
        self.service = Service(folder / "spool", database_url=self._cluster.url("audit_app", DATABASE))

    @contextmanager
    def open(self, records: int) -> Iterator["Laboratory"]:
        """Set everything up, and take it down again. records: how many the attacker has, for lists to search."""
        with ExitStack() as stack:
            stack.callback(self._cluster.remove)
            self._cluster.start("max_connections=60")
            self._cluster.query(f"CREATE DATABASE {DATABASE}")
            migrate.apply(self._cluster.url("postgres", DATABASE))
            for tenant in TENANTS:
                self._query(f"SELECT audit.create_tenant('{tenant}')")
                self.keys[tenant] = self._issue(tenant, "read, write")
            self.keys["attacker, read-only"] = self._issue("attacker", "read")
            self._insert("attacker", "agent", records, "NULL")
            self._insert("attacker", "long", 1_000, f"repeat({_LONG_TEXT}, 2000)")
            for tenant in TENANTS:
                self._insert(tenant, "agent", 1_000, "NULL")
            self._query("ANALYZE")
            stack.callback(self.service.stop)
            self.start()
            yield self

    def start(self) -> None:
        """Start the service, anew if it runs, on a processor of its own."""
        self.service.stop()
        with on_processor(0):
            self.service.start()

    def memory(self) -> float:
        """Return the service's resident megabytes."""
        status = Path(f"/proc/{self.service.process_id}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def smuggled(self) -> int:
        """Return how many requests ran that were sent as the body of another."""
        ((count,),) = self._query("SELECT count(*)::int FROM audit.audit_logs WHERE user_id = 'smuggled'")
        assert isinstance(count, int)
        return count

    def _issue(self, tenant: str, scopes: str) -> str:
        ((key,),) = self._query(f"SELECT audit.issue_api_key('{tenant}', 'siege', '{{{scopes}}}')")
        return str(key)

    def _insert(self, tenant: str, agent: str, count: int, error: str) -> None:
        self._query(
            "INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, error)"
            f" SELECT gen_random_uuid(), 'siege', '{tenant}', '{agent}', 'DRY_RUN', 'success', {error}"
            f" FROM generate_series(1, {count})"
        )

    def _query(self, statement: str) -> list[tuple[object, ...]]:
        return self._cluster.query(statement, DATABASE)


@contextmanager
def on_processor(which: int) -> Iterator[None]:
    """Let what is started in the block run on one processor alone: 0 the first, -1 the last."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(ours)[which]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)
