"""What evidence costs an insert: the same calls on the schema from before it, without sealing's index, and today's.

The schema from before comes from the history of the repository; where there is none, in a shallow clone, the comparison
is skipped.
"""

import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import pairs
from bench.laboratory import Laboratory
from bench.measure import Load, Rate
from bench.run import Run, sql
from bench.sealing import seal_all
from bench.serving import ROOT

COMMIT = "100a0b5"
"""The last one whose records carry no evidence."""
SEALING_INDEX = "audit.audit_logs_tenant_id_recorded_xid_id_idx"
RECORDS = 100_000
WRITERS = 16
BULK_WRITERS = 4
SHAPES = ("before", "columns", "index")
CALLS = {
    "named": ("bench_header", "insert_header.sql", WRITERS),
    "key": ("bench_key", "insert_key.sql", WRITERS),
    "named bulk": ("bench_header", "bulk_header.sql", BULK_WRITERS),
    "key bulk": ("bench_key", "bulk_key.sql", BULK_WRITERS),
}


def inserts(run: Run) -> None:
    """Measure the calls on each of the three, and one while records are sealed."""
    release = _unpacked(run.folder)
    if release is None:
        reason = f"inserts before evidence: commit {COMMIT} is not in the history of this checkout"
        run.results.skipped.append(reason)
        run.clock.say(f"Skipped: {reason}")
    run.clock.say("Making a database in each shape")
    server = run.writing.server
    made = {
        shape: Laboratory(server, f"shape_{shape}", RECORDS, release=release if shape == "before" else None)
        for shape in SHAPES
        if shape != "before" or release
    }
    with made["columns"].superuser() as connection:
        connection.execute(f"DROP INDEX {SEALING_INDEX}".encode())
    seal_all(made["index"])
    loads: dict[str, Load] = {
        f"{call}, {shape}": sql(laboratory, *how) for shape, laboratory in made.items() for call, how in CALLS.items()
    }
    loads["named, sealed beside"] = _sealed_beside(made["index"], loads["named, index"])
    run.measure("Inserts, pgbench, by what evidence adds", pairs.EVIDENCE, loads)


def _unpacked(folder: Path) -> Path | None:
    archive, release = folder / "before-evidence.tar", folder / "before-evidence"
    command = ["git", "archive", "-o", str(archive), COMMIT, "app", "db", "pgmigrate.yml"]
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
        [sys.executable, "-m", "app.seal"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            while not laboratory.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'bench_sealer'"):
                if process.poll() is not None:
                    raise RuntimeError("app.seal has ended")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
