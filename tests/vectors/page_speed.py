"""How many leaves a minute docs/verify.html verifies: `python -m tests.vectors.page_speed [LEAVES]`."""

import sys
import tempfile
import time
from pathlib import Path

from tests.support.chromium import chromium
from tests.vectors.building import Tree, bundle, records
from tests.vectors.page_judge import judge_one
from tests.vectors.page_policy import PAGE
from tests.vectors.vectors import ACME

MINIMUM = 100_000


def main() -> int:
    """Print the rate; return 0 when it is at least MINIMUM leaves a minute and the bundle was judged good."""
    leaves = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder, chromium() as tab:
        (Path(folder) / "bundle.ndjson").write_text(bundle(Tree(records(0, leaves))))
        tab.open(PAGE)
        began = time.monotonic()
        judgement = judge_one(tab, {"name": "speed", "file": "bundle.ndjson", "keys": [ACME]}, Path(folder))
        seconds = time.monotonic() - began
        memory = tab.evaluate("performance.memory.usedJSHeapSize") / leaves
    rate = leaves / seconds * 60
    print(f"{judgement.verdict}: {leaves:,} leaves in {seconds:.1f} s, {rate:,.0f} a minute, {memory:.0f} bytes each")
    return 0 if judgement.verdict == "pass" and rate >= MINIMUM else 1


if __name__ == "__main__":
    sys.exit(main())
