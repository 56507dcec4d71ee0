"""How fast records are sealed, and how long one waits for its leaf while others are written without pauses."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from bench import pairs
from bench.figures import Figure
from bench.laboratory import SCRIPTS, Laboratory
from bench.run import Run, sql
from bench.serving import backend_seconds, serving

TENANTS = 100
WORKERS = 2
WRITERS = 16
IDLE = 10_000
UNSEALED = "SELECT (SELECT count(*) FROM audit.audit_logs) - (SELECT count(record_id) FROM audit.seals)"
Growth = tuple[str, int, int, datetime]
"""Tenant, size before, size after, when it was seen."""


def seal_all(laboratory: Laboratory, workers: int = 1) -> tuple[float, float]:
    """Seal every record with some workers at once, while nobody writes.

    Return the seconds on the clock, and the processor's, of the workers' sessions.
    """
    left = laboratory.value(UNSEALED)
    counting = threading.Lock()

    def work(_: int) -> float:
        nonlocal left
        with laboratory.superuser() as connection:
            while left > 0:
                ((sealed,),) = connection.execute("SELECT audit.seal_records(p_milliseconds => 1000)").fetchall()
                with counting:
                    left -= sealed
                if not sealed:
                    time.sleep(0.005)  # another worker is at the tenants that are left
            return backend_seconds(connection)

    started = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        processor = sum(pool.map(work, range(workers)))
    return time.monotonic() - started, processor


def rate(run: Run, laboratory: Laboratory) -> None:
    """Measure how many records a second are sealed, over a hundred tenants, by one worker and by two."""
    laboratory.run("sealing_tenants.sql")
    seal_all(laboratory)
    count = run.plan.sealed
    found: dict[int, list[float]] = {1: [], WORKERS: []}
    microseconds = []
    for _ in range(run.plan.rounds):
        for workers, rates in found.items():
            _write(laboratory, count)
            seconds, processor = seal_all(laboratory, workers)
            rates.append(count / seconds)
            microseconds.append(processor / count * 1e6)
    for workers, rates in found.items():
        run.figure(Figure(
            f"sealing, {TENANTS} tenants, {workers} worker{'s' if workers > 1 else ''}", "records a second", rates,
            pairs.SEALING_RATE if workers == WORKERS else None, at_least=True,
        ))  # fmt: skip
    run.figure(Figure(f"sealing, {TENANTS} tenants, processor time of a record", "microseconds", microseconds))


def idle(run: Run, laboratory: Laboratory) -> None:
    """Measure a call that finds nothing to seal, in many tenants. They stay, so measure the others before."""
    with laboratory.superuser() as connection, laboratory.superuser() as other:
        connection.execute("SELECT audit.create_tenant('idle' || n) FROM generate_series(1, %s) AS n", [IDLE])
        connection.execute("SELECT audit.seal_records(p_milliseconds => 10000)")
        milliseconds = []
        for _ in range(3):
            other.execute("SELECT pg_current_xact_id()")  # or the call knows at once that nothing has changed
            started = time.perf_counter()
            connection.execute("SELECT audit.seal_records(p_milliseconds => 10000)")
            milliseconds.append(1000 * (time.perf_counter() - started))
    run.figure(Figure(f"a call that finds nothing to seal in {IDLE:,} tenants", "ms", milliseconds))


def _write(laboratory: Laboratory, count: int) -> None:
    """Write records in transactions of five hundred, a tenant after the other."""
    with laboratory.superuser() as connection:
        connection.execute((SCRIPTS / "sealing_records.sql").read_text().replace(":records", str(count)).encode())


def lag(run: Run, laboratory: Laboratory) -> None:
    """Measure, with the service sealing, the seconds from a record's time to its leaf under a load without pauses."""
    load = sql(laboratory, "bench_header", "insert_tenants.sql", WRITERS)
    medians, tails = [], []
    with serving("-m", "app", DATABASE_URL=laboratory.url("bench_key")):
        for _ in range(run.plan.rounds):
            seal_all(laboratory)
            grown: list[Growth] = []
            done = threading.Event()
            watcher = threading.Thread(target=_watch, args=(laboratory, grown, done))
            watcher.start()
            try:
                written = load(3 * run.plan.seconds)
                while laboratory.value(UNSEALED):
                    time.sleep(0.1)
            finally:
                done.set()
                watcher.join()
            count, median, tail = _waited(laboratory, grown)
            if count != written.count:
                raise RuntimeError(f"{written.count} records were written, and {count} seen to be sealed")
            medians.append(median)
            tails.append(tail)
    name = f"from a record to its leaf, {TENANTS} tenants, full load"
    run.figure(Figure(f"{name}: median", "seconds", medians))
    run.figure(Figure(f"{name}: p99", "seconds", tails, pairs.SEALING_LAG))


def _watch(laboratory: Laboratory, grown: list[Growth], done: threading.Event) -> None:
    """Note each growth of a tree, as a session beside sees it, until all is done."""
    with laboratory.superuser() as connection:
        sizes: dict[str, int] = {}
        is_first, is_last = True, False
        while not is_last:
            is_last = done.wait(0 if is_first else 0.01)
            rows = connection.execute("SELECT tenant_id, size, clock_timestamp() FROM audit.trees").fetchall()
            for tenant, size, at in rows:
                before = sizes.get(tenant, 0)
                if size > before and not is_first:
                    grown.append((tenant, before, size, at))
                sizes[tenant] = size
            is_first = False


def _waited(laboratory: Laboratory, grown: list[Growth]) -> tuple[int, float, float]:
    """Return how many records were sealed in these growths, and the median and the p99 of their seconds."""
    with laboratory.superuser() as connection:
        connection.execute("CREATE TEMP TABLE grown (tenant_id text, first bigint, beyond bigint, at timestamptz)")
        with connection.cursor() as cursor, cursor.copy("COPY grown FROM STDIN") as rows:
            for row in grown:
                rows.write_row(row)
        connection.execute("ANALYZE grown")
        ((count, waited),) = connection.execute(
            "SELECT count(*), percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP ("
            "   ORDER BY extract(epoch FROM g.at - l.recorded_at)::double precision)"
            " FROM grown AS g JOIN audit.seals AS s"
            "   ON s.tenant_id = g.tenant_id AND s.epoch = 1 AND s.leaf_index >= g.first AND s.leaf_index < g.beyond"
            " JOIN audit.audit_logs AS l ON l.id = s.record_id"
        ).fetchall()
    return count, waited[0], waited[1]
