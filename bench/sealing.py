"""`python -m bench.sealing`: how many records a second are sealed, and what a call costs where nothing is due.

A server of its own with fsync on, 100 tenants, records that are already committed; one worker, then two. The processor
time of the workers is told beside the rate: on a machine that is busy otherwise it is the figure that stays.
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from app import migrate
from app.local.server import PrivateServer, wheel_binaries

TENANTS = 100
_SEALER = "bench_sealer"
_SEAL = "SELECT audit.seal_records()"
_RECORDS = """
    INSERT INTO audit.audit_logs
        (id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, trace_id, context)
    SELECT audit.uuid_v7(), 'tenant-' || n %% %(tenants)s, 'agent-' || n %% 10, 'LIVE', 'success', 200, 12,
           'user-' || n, '4bf92f3577b34da6a3ce929d0e0e4736',
           '{"gen_ai.request.model":"model-1","span_id":"00f067aa0ba902b7"}'
    FROM generate_series(1, %(records)s) AS n
"""


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _seal_all(url: str) -> tuple[int, float]:
    """Seal until nothing is left; return how many records, and the processor's seconds."""
    with psycopg.connect(url, autocommit=True) as sealer:
        began, total = _processor_seconds(sealer.info.backend_pid), 0
        while sealed := sealer.execute(_SEAL).fetchall()[0][0]:
            total += sealed
        return total, _processor_seconds(sealer.info.backend_pid) - began


def _measure(server: PrivateServer, records: int, workers: int) -> str:
    with psycopg.connect(server.url("postgres", "bench"), autocommit=True) as superuser:
        superuser.execute(_RECORDS, {"tenants": TENANTS, "records": records})
        superuser.execute("VACUUM (ANALYZE) audit.audit_logs")
        superuser.execute("CHECKPOINT")
    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(_seal_all, [server.url(_SEALER, "bench")] * workers))
    seconds = time.monotonic() - began
    total, processor = sum(count for count, _ in done), sum(each for _, each in done)
    return (
        f"{workers} worker(s): {total:,} records in {seconds:.1f} s, {total / seconds:,.0f} a second,"
        f" {processor / max(total, 1) * 1e6:.1f} microseconds of processor each"
    )


def _idle(server: PrivateServer, tenants: int) -> str:
    with psycopg.connect(server.url("postgres", "bench"), autocommit=True) as superuser:
        superuser.execute("SELECT audit.create_tenant('idle-' || n) FROM generate_series(1, %s) AS n", [tenants])
    with psycopg.connect(server.url(_SEALER, "bench"), autocommit=True) as sealer:
        sealer.execute("SELECT audit.seal_records(10000)")
        pid, milliseconds = sealer.info.backend_pid, []
        for prepare in ("SELECT pg_current_xact_id()", "SELECT 1"):
            with psycopg.connect(server.url("postgres", "bench"), autocommit=True) as other:
                other.execute(prepare.encode())
            began = _processor_seconds(pid), time.monotonic()
            sealer.execute("SELECT audit.seal_records(10000)")
            milliseconds += [(_processor_seconds(pid) - began[0]) * 1e3, (time.monotonic() - began[1]) * 1e3]
    return (
        f"{tenants:,} tenants with nothing due: {milliseconds[1]:.1f} ms ({milliseconds[0]:.0f} of processor);"
        f" when no transaction has ended since: {milliseconds[3]:.1f} ms"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sealing", description=__doc__)
    parser.add_argument("--records", type=int, default=500_000, help="for each number of workers")
    parser.add_argument("--binaries", type=Path, default=wheel_binaries())
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        Path(name).chmod(0o755)
        server = PrivateServer(arguments.binaries, Path(name) / "server")
        try:
            server.start("shared_buffers=256MB", "max_wal_size=4GB")
            with psycopg.connect(server.url("postgres"), autocommit=True) as superuser:
                superuser.execute("CREATE DATABASE bench")
            migrate.apply(server.url("postgres", "bench"))
            with psycopg.connect(server.url("postgres", "bench"), autocommit=True) as superuser:
                superuser.execute(f"CREATE ROLE {_SEALER} LOGIN IN ROLE audit_sealer")
                superuser.execute(
                    "SELECT audit.create_tenant('tenant-' || n) FROM generate_series(0, %s) AS n", [TENANTS - 1]
                )
            for workers in (1, 2):
                print(_measure(server, arguments.records, workers), flush=True)
            print(_idle(server, 10_000), flush=True)
        finally:
            server.remove()


if __name__ == "__main__":
    main()
