"""`make cluster-work CITUS=/path/to/bin`: what a record costs each node of a Citus cluster, with 1, 2 and 4 workers.

Prints a table, and writes bench/results/cluster.json. Processors, log and connections are counted, and not time: all
nodes are on one machine.
"""

import argparse
import json
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.database_url import forget_libpq_variables
from tests.citus.cluster import COORDINATOR
from tests.cluster_work.measure import BULK, Workplace, workplace
from tests.support.processes import ROOT

RESULTS = ROOT / "bench" / "results" / "cluster.json"
_WORKERS = (1, 2, 4)
_EXECUTIONS, _BULKS = 250, 3
"""Requests of each caller."""


def _rows(place: Workplace) -> list[dict[str, Any]]:
    rows = []
    for name, write, each in (
        ("single executions", place.executions, _EXECUTIONS),
        (f"bulk of {BULK}", place.bulks, _BULKS),
    ):
        records, work = place.work_of(write, each)
        of_workers = [work[worker] for worker in place.workers]
        thousands = records / 1000
        rows.append(
            {
                "workers": len(place.workers),
                "written": name,
                "records": records,
                "coordinator_seconds": round(work[COORDINATOR].seconds / thousands, 3),
                "workers_seconds": round(sum(each.seconds for each in of_workers) / thousands, 3),
                "busiest_worker_seconds": round(max(each.seconds for each in of_workers) / thousands, 3),
                "coordinator_wal": round(work[COORDINATOR].wal / thousands),
                "workers_wal": round(sum(each.wal for each in of_workers) / thousands),
                "busiest_worker_wal": round(max(each.wal for each in of_workers) / thousands),
                "coordinator_connections": work[COORDINATOR].connections,
                "worker_connections": max(each.connections for each in of_workers),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return a table in Markdown: what 1,000 records cost."""
    lines = [
        "| written | workers | processor seconds: coordinator | all workers | the busiest | log, KB: coordinator"
        " | all workers | the busiest | connections: coordinator | a worker |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['written']} | {row['workers']} | {row['coordinator_seconds']:.2f} | {row['workers_seconds']:.2f} |"
        f" {row['busiest_worker_seconds']:.2f} | {row['coordinator_wal'] / 1000:,.0f} |"
        f" {row['workers_wal'] / 1000:,.0f} | {row['busiest_worker_wal'] / 1000:,.0f} |"
        f" {row['coordinator_connections']} | {row['worker_connections']} |"
        for row in sorted(rows, key=lambda row: str(row["written"]), reverse=True)
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster_work", description=(__doc__ or "").split("\n\n", 1)[0]
    )
    parser.add_argument("binaries", type=Path, help="the folder of programs of a PostgreSQL that has Citus")
    binaries = parser.parse_args().binaries.absolute()
    forget_libpq_variables()  # the servers are our own
    rows: list[dict[str, Any]] = []
    version = ""
    for workers in _WORKERS:
        with tempfile.TemporaryDirectory(prefix="ringfence-work-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # the servers run as another OS user where we are root
            with workplace(binaries, folder, workers) as place:
                with place.cluster.connect() as superuser:
                    row = superuser.execute("SELECT citus_version() || '; ' || version()").fetchone()
                version = str(row[0]) if row else ""
                rows += _rows(place)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    found = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit, "version": version, "rows": rows}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{table(rows)}")


if __name__ == "__main__":
    main()
