"""`make failover`: Patroni replaces primaries under load, again and again, and what was acknowledged is counted.

Three machines are set up with the files of docs/deploy. `--rounds N` is how often the primary's machine loses its
power; `--only WORDS` chooses faults. Exits with 1 when a promise was broken, having said which.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from app.database_url import forget_libpq_variables
from tests.chaos.laboratory import DATABASE, Laboratory
from tests.chaos.trial import tried
from tests.failover.faults import FAULTS
from tests.failover.programs import ensure_etcd
from tests.failover.report import Outage, silence, table
from tests.failover.trio import APP_PASSWORD, Trio

_SECONDS = 2.0


class _Replicated(Laboratory[Trio]):
    def url_of_the_service(self) -> str:
        self.cluster.query(f"ALTER ROLE audit_app PASSWORD '{APP_PASSWORD}'", DATABASE)
        return super().url_of_the_service()


def _run(names: list[str], patroni: Path) -> bool:
    outages: list[Outage] = []
    good = True
    with tempfile.TemporaryDirectory(prefix="ringfence-failover-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the servers run as another OS user where we are root
        lab = _Replicated(folder, _SECONDS, Trio(folder, patroni))
        with lab.open():
            for fault in names:
                promoted = 0.0

                def happen(fault: str = fault) -> None:
                    nonlocal promoted
                    promoted = FAULTS[fault](lab)

                try:
                    line, verdict = tried(lab, fault, happen)
                except BaseException:
                    print(f"FAIL  {fault}\n{lab.service.printed()}", flush=True)
                    for machine in lab.cluster.machines:
                        print(f"{machine.name}\n{machine.printed()}", flush=True)
                    raise
                assert lab.load
                outages.append(Outage(line, promoted, *silence(lab.load.ledger)))
                good = good and verdict.is_good
                print(f"{'ok  ' if verdict.is_good else 'FAIL'}  {outages[-1]}", flush=True)
                for finding in verdict.findings[:10]:
                    print(f"      {finding}")
    print(f"\n{table(outages)}")
    return good


def main() -> int:
    """Break the primary again and again, count, and show; return 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.failover", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("patroni", type=Path, help="the folder of Patroni's programs")
    parser.add_argument("--rounds", type=int, default=3, help="how often the primary's machine loses its power")
    parser.add_argument("--only", default="", metavar="WORDS", help="faults whose names hold these words")
    arguments = parser.parse_args()
    first = next(iter(FAULTS))
    names = [first] * (arguments.rounds - 1) + list(FAULTS)
    forget_libpq_variables()  # the servers are our own
    ensure_etcd()
    started = time.monotonic()
    good = _run([name for name in names if arguments.only.lower() in name.lower()], arguments.patroni.absolute())
    print(f"\n{time.monotonic() - started:.0f} seconds")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
