"""Measures Ringfence against its limits (the framework doing nothing, PostgreSQL without us) and against its peers.

`make bench` takes at most 30 minutes and writes bench/results/latest.json and docs/benchmarks.svg; after it
`make bench-pages` brings docs/performance.md and the README in line. `make bench-quick` takes about six minutes and
writes nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from app.database_url import forget_libpq_variables
from app.local.server import PrivateServer, wheel_binaries
from bench import costs, evidence, feeding, in_bulk, in_sql, over_http, pages, report, retention, sealing, viewing
from bench.laboratory import SERVER_SETTINGS, Laboratory
from bench.measure import Clock, Plan
from bench.programs import ensure_pgaudit, ensure_programs
from bench.results import Results
from bench.run import Run

FULL = Plan(
    rounds=5, seconds=2, warming_up=1, records=10_000_000, unanalysed=300_000, sent=100_000, exported=200_000,
    sealed=100_000, leaves=10_000_000, pruned=200_000, kept=1_000_000,
)  # fmt: skip
QUICK = Plan(
    rounds=3, seconds=1, warming_up=0, records=550_000, unanalysed=100_000, sent=20_000, exported=50_000,
    sealed=50_000, leaves=300_000, pruned=50_000, kept=50_000,
)  # fmt: skip
SMALLER = 100_000
"""Records in the smaller table."""


def in_the_database(run: Run) -> None:
    """Measure lists and inserts in SQL."""
    in_sql.lists(run)
    in_sql.inserts(run)
    in_sql.beside_pgaudit(run)


def of_the_service(run: Run) -> None:
    """Measure what is asked over HTTP, and what a request costs."""
    # Or the services seal millions of records while the peers and they are measured.
    run.clock.say("Sealing what is there")
    for laboratory in (run.writing, run.reading):
        sealing.seal_all(laboratory, sealing.WORKERS)
    run.clock.say("Starting the services and the peers")
    with over_http.services(run) as services:
        over_http.lists(run, services)
        viewing.pages(run, services)
        in_bulk.exports(run, services)
        feeding.backlogs(run, services)
        over_http.executions(run, services)
        in_bulk.intakes(run, services)
    run.clock.say("Round trips and memory")
    run.results.facts.append(costs.round_trips(run.writing, run.folder))
    run.results.facts += costs.peak_memory(run.writing, run.reading, run.folder, run.plan.sent)


PARTS: dict[str, Callable[[Run], None]] = {
    "sql": in_the_database, "http": of_the_service, "evidence": evidence.measure, "retention": retention.measure,
}  # fmt: skip

ALONE = {"evidence", "retention"}
"""The parts that need no program but the server's, and read none of the many records."""


def main() -> int:
    """Measure, show and write down; return 0, also where a target is missed: a miss is a result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="six minutes: fewer and shorter rounds, nothing written")
    parser.add_argument("--only", choices=PARTS, help="measure one part, with nothing written")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    forget_libpq_variables()  # the servers are our own
    if arguments.only not in ALONE:
        ensure_programs()
        ensure_pgaudit()
    clock = Clock()
    results = Results(asdict(plan), SERVER_SETTINGS)
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another OS user where we are root
        server = PrivateServer(wheel_binaries(), folder / "server")
        try:
            server.start(*SERVER_SETTINGS)
            records = SMALLER if arguments.only in ALONE else plan.records
            clock.say(f"Making {records:,} records to read")
            reading, writing = Laboratory(server, "large", records), Laboratory(server, "small", SMALLER)
            run = Run(writing, reading, folder, plan, clock, results)
            for name, part in PARTS.items():
                if arguments.only in (None, name):
                    part(run)
            clock.say("Done")
        finally:
            server.remove()
    print(f"\n{report.tables(results)}")
    if not arguments.quick and not arguments.only:
        results.write()
        pages.write_picture(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
