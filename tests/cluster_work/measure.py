"""The work of each node while records are written through the service."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from app.distribute import distribute
from tests.chaos.service import Service
from tests.citus.cluster import COORDINATOR, CitusCluster
from tests.support.calls import bearer

SHARDS = 32
TENANTS = 8
CALLERS = 8
BULK = 500
_RECORD = {"agent_id": "agent", "mode": "LIVE", "status": "success", "latency_ms": 41, "user_id": "jane"}


@dataclass(frozen=True)
class Work:
    """What one node did for so many records. seconds: of processors. wal: bytes of log. connections: that it held."""

    seconds: float
    wal: int
    connections: int


class Workplace:
    """A cluster with so many workers that hold shards, and the service on it; each worker has as many tenants."""

    def __init__(self, cluster: CitusCluster, service: Service, keys: list[str], workers: list[str]) -> None:
        self.cluster = cluster
        self.workers = workers
        self._service = service
        self._keys = keys

    def executions(self, each: int) -> int:
        """Let every caller execute so often, one record each; return how many records there are then."""
        return self._write(
            lambda client: client.post("/api/v1/agents/agent/execute", json={"input": {}, "user_id": "jane"}), each, 1
        )

    def bulks(self, each: int) -> int:
        """Let every caller send so many requests of 500 records; return how many records there are then."""
        return self._write(lambda client: client.post("/api/v1/audit/logs", json=[_RECORD] * BULK), each, BULK)

    def work_of(self, write: Callable[[int], int], each: int) -> tuple[int, dict[str, Work]]:
        """Return how many records were written, and what each node did for them."""
        write(1)
        for node in self.cluster.servers:
            with self.cluster.connect(node=node) as superuser:
                superuser.execute("CHECKPOINT")  # what follows logs whole pages after it, on every node alike
        before = {node: self._now(node) for node in self.cluster.servers}
        records = write(each)
        after = {node: self._now(node) for node in self.cluster.servers}
        return records, {
            node: Work(
                after[node].seconds - before[node].seconds, after[node].wal - before[node].wal, after[node].connections
            )
            for node in self.cluster.servers
        }

    def _now(self, node: str) -> Work:
        with self.cluster.connect(node=node) as superuser:
            row = superuser.execute(
                "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, (SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())"
            ).fetchone()
        assert row
        return Work(self.cluster.servers[node].processor_seconds(), *row)

    def _write(self, request: Callable[[httpx.Client], httpx.Response], each: int, records: int) -> int:
        def call(key: str) -> None:
            url = f"http://127.0.0.1:{self._service.port}"
            with httpx.Client(base_url=url, headers=bearer(key), timeout=60, trust_env=False) as client:
                for _ in range(each):
                    request(client).raise_for_status()

        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(call, self._keys))
        return each * len(self._keys) * records


@contextmanager
def workplace(binaries: Path, folder: Path, workers: int) -> Iterator[Workplace]:
    """Set up a cluster with so many workers that hold shards. One: of two, of which one holds none."""
    names = [f"worker_{number}" for number in range(1, workers + 1)]
    cluster = CitusCluster(binaries, folder, (COORDINATOR, *names, *(["worker_2"] if workers == 1 else [])))
    try:
        cluster.start()
        distribute(cluster.url(), SHARDS)
        if workers == 1:
            with cluster.connect() as superuser:
                superuser.execute(
                    "SELECT citus_drain_node(%s, %s, 'block_writes')",
                    [cluster.host("worker_2"), cluster.ports["worker_2"]],
                )
        service = Service(folder / "spool", database_url=cluster.url("audit_app"))
        try:
            service.start()
            yield Workplace(cluster, service, _keys(cluster, names), names)
        finally:
            service.stop()
    finally:
        cluster.remove()


def _keys(cluster: CitusCluster, workers: list[str]) -> list[str]:
    """Register tenants until each worker has its share; return a key of each."""
    left = dict.fromkeys((cluster.ports[worker] for worker in workers), TENANTS // len(workers))
    keys = []
    with cluster.connect() as superuser:
        for number in count():
            if not any(left.values()):
                break
            tenant = f"bank-{number}"
            (port,) = superuser.execute(
                "SELECT s.nodeport FROM citus_shards AS s"
                " WHERE s.shardid = get_shard_id_for_distribution_column('audit.audit_logs', %s::text)", [tenant]
            ).fetchone() or (0,)  # fmt: skip
            if left[port]:
                left[port] -= 1
                superuser.execute("SELECT audit.create_tenant(%s)", [tenant])
                (key,) = superuser.execute("SELECT audit.issue_api_key(%s, 'work')", [tenant]).fetchone() or ("",)
                keys.append(key)
    return keys
