"""How fast Ringfence is, against its two limits: the web framework doing nothing, and PostgreSQL inserting without us.

`make bench` takes less than ten minutes and writes what it found to bench/results and docs/benchmarks.svg.
`make bench-quick` takes two, and writes nothing.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from app.private_server import PrivateServer, wheel_binaries
from bench import report
from bench.benchmark import Benchmark
from bench.http_suite import over_http, with_two_workers
from bench.laboratory import SERVER_SETTINGS, Laboratory, ensure_programs
from bench.sql_suite import in_sql
from bench.transfer_suite import in_bulk


def main() -> int:
    """Measure, show and write down; return 0, also where a target is missed: a miss is a result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer and shorter rounds, nothing written")
    arguments = parser.parse_args()
    ensure_programs()
    started = time.monotonic()
    rounds, seconds, records, bulk = (3, 1, 600_000, 20_000) if arguments.quick else (5, 2, 10_000_000, 100_000)
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = PrivateServer(wheel_binaries(), folder / "server")
        try:
            server.start(*SERVER_SETTINGS)
            print(f"Making {records:,} records to read", flush=True)
            large, small = Laboratory(server, "large", records), Laboratory(server, "small", 100_000)
            print(f"  ready after {time.monotonic() - started:.0f} s", flush=True)
            benchmark = Benchmark(small, large, folder, rounds, seconds)
            in_sql(benchmark)
            over_http(benchmark)
            with_two_workers(benchmark)
            in_bulk(benchmark, bulk)
        finally:
            server.remove()
    print(f"\n{report.table(benchmark.comparisons)}\n\n{report.facts(benchmark.facts)}")
    if not arguments.quick:
        report.write(benchmark.comparisons, benchmark.facts, SERVER_SETTINGS)
    print(f"\n{time.monotonic() - started:.0f} seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
