"""How fast Ringfence is, against its two limits: the web framework doing nothing, and PostgreSQL working without us.

`make bench` takes about ten minutes and writes what it found to bench/results and docs/benchmarks.svg.
`make bench-quick` takes two, and writes nothing.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from app.database_url import forget_libpq_variables
from app.local.server import PrivateServer, wheel_binaries
from bench import report
from bench.benchmark import Benchmark
from bench.laboratory import SERVER_SETTINGS, Laboratory
from bench.measure import Clock, Plan
from bench.programs import ensure_programs

FULL = Plan(rounds=5, seconds=3, warming_up=1, records=10_000_000, sent=100_000, exported=200_000)
QUICK = Plan(rounds=3, seconds=1, warming_up=0, records=550_000, sent=20_000, exported=50_000)
SMALLER = 100_000
"""Records in the smaller table."""


def main() -> int:
    """Measure, show and write down; return 0, also where a target is missed: a miss is a result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer and shorter rounds, nothing written")
    quick: bool = parser.parse_args().quick
    plan = QUICK if quick else FULL
    forget_libpq_variables()  # the servers are our own
    ensure_programs()
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another OS user where we are root
        server = PrivateServer(wheel_binaries(), folder / "server")
        try:
            server.start(*SERVER_SETTINGS)
            clock.say(f"Making {plan.records:,} records to read")
            reading, writing = Laboratory(server, "large", plan.records), Laboratory(server, "small", SMALLER)
            benchmark = Benchmark(writing, reading, folder, plan, clock)
            benchmark.run()
        finally:
            server.remove()
    print(f"\n{report.tables(benchmark.comparisons, benchmark.facts)}")
    if not quick:
        report.write(benchmark.comparisons, benchmark.facts, plan, SERVER_SETTINGS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
