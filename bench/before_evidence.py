"""What evidence costs an insert: the same calls on the schema from before it, without sealing's index, and today's.

The schema from before comes from the history of the repository; where there is none, in a shallow clone, the comparison
is skipped.
"""

import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import pairs
from bench.laboratory import Laboratory
from bench.measure import Load, Rate
from bench.run import Run, sql
from bench.sealing import seal_all
from bench.serving import ROOT, backend_seconds

COMMIT = "100a0b5"
"""The last one whose records carry no evidence."""
SEALING_INDEX = "audit.audit_logs_tenant_id_recorded_xid_id_idx"
WRITERS = 16
BULK = 500
SHAPES = ("before", "columns", "index")
ENTER = {"named": "audit.set_tenant('bench')", "key": "audit.enter_tenant(%(key)s)"}
ROLES = {"named": "bench_header", "key": "bench_key"}
SINGLE = (
    "audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'DRY_RUN', p_status => 'success', p_trace_id => 'trace')"
)
MANY = "audit.insert_audit_logs(%(records)s)"
RECORD = {"agent_id": "agent", "mode": "DRY_RUN", "status": "success", "trace_id": "trace"}


def inserts(run: Run) -> None:
    """Measure the calls on each of the three, and one while records are sealed."""
    release = release_before(run.folder)
    if release is None:
        reason = f"inserts before evidence: commit {COMMIT} is not in the history of this checkout"
        run.results.skipped.append(reason)
        run.clock.say(f"Skipped: {reason}")
    run.clock.say("Making a database in each shape")
    server = run.writing.server
    made = {
        shape: Laboratory(server, f"shape_{shape}", run.plan.sent, release=release if shape == "before" else None)
        for shape in SHAPES
        if shape != "before" or release
    }
    with made["columns"].superuser() as connection:
        connection.execute(f"DROP INDEX {SEALING_INDEX}".encode())
    seal_all(made["index"])
    loads: dict[str, Load] = {}
    for shape, laboratory in made.items():
        for kind in ROLES:
            loads[f"{kind}, {shape}"] = session(laboratory, kind, SINGLE, 1)
            loads[f"{kind} bulk, {shape}"] = session(laboratory, kind, MANY, BULK)
    run.measure("Inserts, one session, processor time by what evidence adds", pairs.EVIDENCE_INSERTS, loads)
    load = sql(made["index"], "bench_header", "insert_header.sql", WRITERS)
    run.measure(f"Inserts, pgbench, {WRITERS} clients, while records are sealed", pairs.SEALED_BESIDE, {
        "named": load, "named, sealed beside": _sealed_beside(made["index"], load),
    })  # fmt: skip


def session(
    laboratory: Laboratory, kind: str, call: str, records: int, record: Callable[[], dict[str, str]] = lambda: RECORD
) -> Load:
    """Return a load of one session; the milliseconds are the processor's, of the session's process, for one record.

    A few per cent cannot be seen in the time on the clock, which holds what the disk and the machine do besides.
    """
    statement = f"SELECT {ENTER[kind]}, {call}".encode()

    def parameters() -> dict[str, str]:
        return {"key": laboratory.api_key, "records": json.dumps([record() for _ in range(records)])}

    def run(seconds: int) -> Rate:
        calls = max(1, seconds) * (500 if records == 1 else 10)
        with psycopg.connect(laboratory.url(ROLES[kind]), autocommit=True) as connection:
            for _ in range(20 if records == 1 else 2):  # a session reads its catalogue first
                connection.execute(statement, parameters(), prepare=True)
            began, before = time.perf_counter(), backend_seconds(connection)
            for _ in range(calls):
                connection.execute(statement, parameters(), prepare=True)
            used = 1000 * (backend_seconds(connection) - before) / (calls * records)
        return Rate(calls * records / (time.perf_counter() - began), "records", calls * records, used)

    return run


def release_before(folder: Path, commit: str = COMMIT) -> Path | None:
    """Unpack the release of a commit below `folder`; return where, or None where there is no history."""
    archive, release = folder / f"{commit}.tar", folder / commit
    command = ["git", "archive", "-o", str(archive), commit, "app", "db", "pgmigrate.yml"]
    if subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return None
    with tarfile.open(archive) as members:
        members.extractall(release, filter="data")
    return release


def _sealed_beside(laboratory: Laboratory, load: Load) -> Load:
    def run(seconds: int) -> Rate:
        seal_all(laboratory)  # what the loads before have left is not this one's
        with _sealer(laboratory):
            return load(seconds)

    return run


@contextmanager
def _sealer(laboratory: Laboratory) -> Iterator[None]:
    """Run `python -m app.seal`, from its first session on."""
    environment = {**os.environ, "SEALER_DATABASE_URL": laboratory.url("bench_sealer")}
    with subprocess.Popen(
        [sys.executable, "-m", "app.seal"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while not laboratory.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'bench_sealer'"):
                if process.poll() is not None:
                    raise RuntimeError("app.seal has ended")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
