"""`make cluster-faults CITUS=/path/to/bin`: nodes of a Citus cluster fail and move under load, and all is counted.

`--only WORDS` chooses faults. Exits with 1 when a promise was broken, having said which.
"""

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import httpx

from app.database_url import forget_libpq_variables
from tests.chaos.trial import tried
from tests.cluster_faults.cluster import FAR, BreakableCluster, ClusterDatabase, ClusterLaboratory
from tests.cluster_faults.faults import FAULTS, NEEDS_A_NETWORK
from tests.cluster_faults.network import Network
from tests.cluster_faults.report import Outage, table
from tests.failover.report import silence
from tests.support.calls import bearer

_SECONDS = 4.0


def _crossed(lab: ClusterLaboratory) -> int:
    """Return how many records are shown to a tenant and are not its own, or are its own and not shown to it."""
    stored: dict[str, set[str]] = {tenant: set() for tenant in lab.keys}
    for record_id, _, tenant, *_ in lab.rows():
        stored[str(tenant)].add(str(record_id))
    crossed = 0
    for tenant, key in lab.keys.items():
        url = f"http://127.0.0.1:{lab.service.port}/api/v1/audit/logs/export"
        lines = httpx.get(url, headers=bearer(key), timeout=60, trust_env=False).raise_for_status().text.splitlines()
        shown = {json.loads(line)["id"] for line in lines[:-1]}  # the last says that it is complete
        crossed += len(shown ^ stored[tenant])
    return crossed


def _run(names: list[str], binaries: Path) -> bool:
    outages: list[Outage] = []
    good = True
    with tempfile.TemporaryDirectory(prefix="ringfence-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the servers run as another OS user where we are root
        lab = ClusterLaboratory(folder, _SECONDS, ClusterDatabase(BreakableCluster(binaries, folder)))
        with lab.open():
            for fault in names:
                there = lab.cluster.tenants_on(FAR)
                started = time.monotonic()
                try:
                    line, verdict = tried(lab, fault, partial(FAULTS[fault], lab))
                except BaseException:
                    print(f"FAIL  {fault}\n{lab.service.printed()}", flush=True)
                    for node, server in lab.cluster.nodes.servers.items():
                        print(f"{node}\n{server.printed()}", flush=True)
                    raise
                seconds = time.monotonic() - started
                assert lab.load
                ledger = lab.load.ledger
                (without_there, _), (without_elsewhere, _) = (
                    silence(ledger, there),
                    silence(ledger, set(lab.keys) - there),
                )
                crossed = _crossed(lab) + verdict.elsewhere
                outages.append(Outage(line, seconds, crossed, without_there, without_elsewhere))
                good = good and verdict.is_good and not crossed
                print(f"{'ok  ' if verdict.is_good and not crossed else 'FAIL'}  {outages[-1]}", flush=True)
                for finding in verdict.findings[:10]:
                    print(f"      {finding}")
    print(f"\n{table(outages)}")
    return good


def main() -> int:
    """Break the cluster, count, and show; return 0 when every promise was kept."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster_faults", description=(__doc__ or "").split("\n\n", 1)[0]
    )
    parser.add_argument("binaries", type=Path, help="the folder of programs of a PostgreSQL that has Citus")
    parser.add_argument("--only", default="", metavar="WORDS", help="faults whose names hold these words")
    arguments = parser.parse_args()
    names = [name for name in FAULTS if arguments.only.lower() in name.lower()]
    if refusal := Network.refusal():
        for name in NEEDS_A_NETWORK.intersection(names):
            print(f"skip  {name}: {refusal}", flush=True)
            names.remove(name)
    forget_libpq_variables()  # the servers are our own
    started = time.monotonic()
    good = _run(names, arguments.binaries.absolute())
    print(f"\n{time.monotonic() - started:.0f} seconds")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
