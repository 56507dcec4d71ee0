"""What retention costs: pruning, writers beside it, ids that are not taken again, the erasure of a person."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.model.uuid_v7 import uuid_v7
from app.retain import Pruning
from bench import before_evidence, pairs
from bench.before_evidence import BULK, MANY, RECORD, ROLES, SINGLE
from bench.figures import Figure
from bench.laboratory import SCRIPTS, Laboratory
from bench.measure import Load, Rate
from bench.run import Run, sql
from bench.sealing import seal_all
from bench.serving import backend_seconds

COMMIT = "bae312d"
"""The last one whose records are kept for ever."""
FEW = 10_000
TENANTS = 10
WORKERS = 2
WRITERS = 16
DAYS = 200
PRUNED_IDS = 1_000_000
# Every size that is signed keeps the tile that it lies in: the newest alone is, as after a long night.
SIGN = """
    INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at)
    SELECT tenant_id, epoch, size, root, 'note', now() FROM audit.trees WHERE size > 0 ON CONFLICT DO NOTHING"""


def measure(run: Run) -> None:
    """Measure all of it, in databases of its own."""
    run.clock.say("Making a database to prune")
    laboratory = Laboratory(run.writing.server, "retention", FEW)
    laboratory.run("sealing_tenants.sql")
    with laboratory.superuser() as connection:
        connection.execute("SELECT audit.create_tenant('kept')")
        for number in range(1, TENANTS + 1):
            connection.execute("SELECT audit.create_tenant('pruned' || %s::int)", [number])
            connection.execute("SELECT audit.set_retention('pruned' || %s::int, %s, NULL)", [number, DAYS])
    run.clock.say(f"Pruning {run.plan.pruned:,} records of {TENANTS} tenants")
    rate(run, laboratory)
    run.clock.say("Writers beside a prune")
    beside(run, laboratory)
    run.clock.say(f"Making {run.plan.kept:,} records of a tenant")
    erasure(run, laboratory)
    inserts(run, laboratory)


def make_due(laboratory: Laboratory, records: int) -> None:
    """Write so many records whose terms have ended, seal them, and sign that."""
    with laboratory.superuser() as connection:
        connection.execute((SCRIPTS / "due_records.sql").read_text().replace(":records", str(records)).encode())
    seal_all(laboratory, WORKERS)
    with laboratory.superuser() as connection:
        connection.execute(SIGN.encode())
        connection.execute("VACUUM (ANALYZE) audit.audit_logs, audit.seals")
        connection.execute("CHECKPOINT")


def prune_all(laboratory: Laboratory, records: int, workers: int) -> tuple[float, float]:
    """Prune so many records, all that are due, with some workers at once, as the job does, while nobody writes.

    Return the seconds on the clock, and the processor's, of the workers' sessions.
    """
    left = records
    counting = threading.Lock()
    none_left = threading.Event()

    def work(_: int) -> float:
        nonlocal left
        with _connect(laboratory) as connection:
            job, pause, counted = Pruning(connection), 0.0, 0
            while not none_left.wait(pause):
                pause = job.work()
                with counting:
                    left -= job.records - counted
                counted = job.records
                if left <= 0:
                    none_left.set()
                elif job.is_done or job.fruitless:
                    pause = 0.005  # another worker is at the tenants that are left
            return backend_seconds(connection)

    started = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        processor = sum(pool.map(work, range(workers)))
    return time.monotonic() - started, processor


def rate(run: Run, laboratory: Laboratory) -> None:
    """Measure how many records a second are pruned, over ten tenants, by one worker and by two."""
    count = run.plan.pruned
    found: dict[int, list[float]] = {1: [], WORKERS: []}
    microseconds = []
    for _ in range(run.plan.rounds):
        for workers, rates in found.items():
            make_due(laboratory, count)
            seconds, processor = prune_all(laboratory, count, workers)
            rates.append(count / seconds)
            microseconds.append(processor / count * 1e6)
    for workers, rates in found.items():
        run.figure(Figure(
            f"pruning, {TENANTS} tenants, {workers} worker{'s' if workers > 1 else ''}", "records a second", rates,
            pairs.PRUNING_RATE if workers == WORKERS else None, at_least=True,
        ))  # fmt: skip
    run.figure(Figure(f"pruning, {TENANTS} tenants, processor time of a record", "microseconds", microseconds))


def beside(run: Run, laboratory: Laboratory) -> None:
    """Measure the p99 of writers who do half of what they could, without and with a prune beside them."""
    full = sql(laboratory, "bench_header", "insert_tenants.sql", WRITERS)(run.plan.seconds)
    load = sql(laboratory, "bench_header", "insert_tenants.sql", WRITERS, per_second=full.per_second / 2)

    # Both after as many new records: the caches and the disk are as they are before the other. Twice as long as other
    # loads, since a p99 hangs on few transactions.
    def with_prune(seconds: int) -> Rate:
        make_due(laboratory, max(1, seconds) * pairs.PRUNING_RATE)
        with _pruner(laboratory):
            return load(2 * seconds)

    def without(seconds: int) -> Rate:
        make_due(laboratory, max(1, seconds) * pairs.PRUNING_RATE)
        return load(2 * seconds)

    run.measure(
        f"Inserts, pgbench, {WRITERS} clients, half of {full.per_second:,.0f} a second, beside a prune",
        pairs.PRUNED_BESIDE,
        {"insert": without, "insert beside a prune": with_prune},
    )


@contextmanager
def _pruner(laboratory: Laboratory) -> Iterator[None]:
    """Prune with one worker, as the job does, until the block ends; fail when there was nothing left to prune."""
    done = threading.Event()

    def work() -> Pruning:
        with _connect(laboratory) as connection:
            job, pause = Pruning(connection), 0.0
            while not done.wait(pause):
                pause = job.work()
            return job

    with ThreadPoolExecutor(1) as pool:
        pruning = pool.submit(work)
        try:
            yield
        finally:
            done.set()
        job = pruning.result()
    if job.is_done or not job.records:
        raise RuntimeError(f"the records to prune did not last as long as the writers: {job.records}")


def _connect(laboratory: Laboratory) -> psycopg.Connection[dict[str, Any]]:
    return psycopg.connect(laboratory.url("bench_retention"), autocommit=True, row_factory=dict_row)


def erasure(run: Run, laboratory: Laboratory) -> None:
    """Measure the seconds in which one person in a thousand is erased from all records of a tenant."""
    with laboratory.superuser() as connection:
        script = (SCRIPTS / "kept_records.sql").read_text().replace(":records", str(run.plan.kept))
        connection.execute(script.encode())
    seal_all(laboratory, WORKERS)
    with laboratory.superuser() as connection:
        connection.execute("VACUUM (ANALYZE) audit.audit_logs, audit.seals")
    seconds = []
    for person in range(run.plan.rounds):
        started = time.monotonic()
        erased = 0
        with psycopg.connect(laboratory.url("bench_eraser"), autocommit=True) as connection:
            position: list[Any] = [None, None]
            while True:
                ((count, *position),) = connection.execute(
                    "SELECT erased, after_time, after_id FROM audit.erase_user('kept', %s, 'bench', 500, %s, %s)",
                    [f"user-{person}", *position],
                ).fetchall()
                erased += count
                if position[1] is None:
                    break
        seconds.append(time.monotonic() - started)
        if erased != run.plan.kept // 1000:
            raise RuntimeError(f"{erased} records were erased")
    run.figure(Figure(f"erasing a person from {run.plan.kept:,} records", "seconds", seconds))


def inserts(run: Run, laboratory: Laboratory) -> None:
    """Measure what it costs an insert that a million ids cannot be taken again."""
    release = before_evidence.release_before(run.folder, COMMIT)
    if release is None:
        reason = f"inserts before retention: commit {COMMIT} is not in the history of this checkout"
        run.results.skipped.append(reason)
        run.clock.say(f"Skipped: {reason}")
        return
    before = Laboratory(run.writing.server, "before_retention", FEW, release=release)
    with laboratory.superuser() as connection:
        connection.execute("TRUNCATE audit.audit_logs, audit.seals, audit.seal_nodes, audit.trees, audit.checkpoints")
        connection.execute(
            "INSERT INTO audit.pruned_ids SELECT audit.uuid_v7() FROM generate_series(1, %s)", [PRUNED_IDS]
        )
        connection.execute("VACUUM (ANALYZE)")
    single = SINGLE.replace("(", "(p_id => audit.uuid_v7(), ", 1)
    loads: dict[str, Load] = {}
    for shape, made in (("before", before), ("today", laboratory)):
        for kind in ROLES:
            loads[f"{kind}, {shape}"] = before_evidence.session(made, kind, single, 1)
            loads[f"{kind} bulk, {shape}"] = before_evidence.session(made, kind, MANY, BULK, _with_id)
    run.measure("Inserts, one session, processor time by what retention adds", pairs.RETENTION_INSERTS, loads)


def _with_id() -> dict[str, str]:
    return {**RECORD, "id": str(uuid_v7())}
