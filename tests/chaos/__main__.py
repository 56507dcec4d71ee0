"""`make chaos`: every fault under load, and what was acknowledged, stored, lost and doubled in each.

`make chaos-quick` is the same with less load. `--runs N` repeats it on new servers; `--only WORDS` chooses faults.
Exits with 1 when a promise was broken, having said which.
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from app.database_url import forget_libpq_variables
from app.local.server import wheel_binaries
from tests.chaos import pooler
from tests.chaos.cluster import Cluster
from tests.chaos.faults import FAULTS
from tests.chaos.laboratory import Laboratory
from tests.chaos.report import Line, table
from tests.chaos.trial import tried

_FULL, _QUICK = 4.0, 1.0


def _run(seconds: float, names: list[str]) -> tuple[list[Line], bool]:
    lines: list[Line] = []
    good = True
    with tempfile.TemporaryDirectory(prefix="ringfence-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another OS user where we are root
        lab = Laboratory(folder, seconds, Cluster(wheel_binaries(), folder / "primary"))
        with lab.open():
            for fault in names:
                try:
                    line, verdict = tried(lab, fault, partial(FAULTS[fault], lab))
                except BaseException:
                    print(f"FAIL  {fault}\n{lab.service.printed()}", flush=True)
                    raise
                lines.append(line)
                good = good and verdict.is_good
                print(f"{'ok  ' if verdict.is_good else 'FAIL'}  {line}", flush=True)
                for finding in verdict.findings[:10]:
                    print(f"      {finding}")
                if not verdict.is_good:
                    print(lab.service.printed())
    return lines, good


def main() -> int:
    """Break everything, count, and show; return 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="with less load, in about a minute")
    parser.add_argument("--runs", type=int, default=1, help="how often, each time on new servers")
    parser.add_argument("--only", default="", metavar="WORDS", help="faults whose names hold these words")
    arguments = parser.parse_args()
    names = [name for name in FAULTS if arguments.only.lower() in name.lower()]
    forget_libpq_variables()  # the servers are our own
    pooler.ensure_program()
    started = time.monotonic()
    runs: list[list[Line]] = []
    for number in range(1, arguments.runs + 1):
        if arguments.runs > 1:
            print(f"run {number}", flush=True)
        lines, good = _run(_QUICK if arguments.quick else _FULL, names)
        runs.append(lines)
        if not good:
            return 1
    print(f"\n{table(runs)}\n\n{time.monotonic() - started:.0f} seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
