"""`make tamper`: every attack on the evidence, and who has caught it.

`make tamper-quick` is the same with some of them. `--only WORDS` chooses. Exits with 1 when an attack is not caught by
those who must catch it, when ordinary work is taken for an attack, or when a known miss is caught: then it is none.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from app.database_url import forget_libpq_variables
from tests.tamper import controls, misses, on_records, on_restores, on_signing, on_trees
from tests.tamper.case import CASES, Case, Kind
from tests.tamper.laboratory import Laboratory

ROOMS = (on_records, on_trees, on_signing, on_restores, controls, misses)


def try_out(lab: Laboratory, case: Case) -> dict[str, str]:
    """Let it happen; return who has caught it, and what they say."""
    with lab.scene() as scene:
        case.happen(scene)
        scene.judge()
        return scene.found


def main() -> int:
    """Try and show."""
    forget_libpq_variables()  # the servers are our own
    parser = argparse.ArgumentParser(prog="python -m tests.tamper", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", metavar="WORDS")
    arguments = parser.parse_args()
    cases = [c for c in CASES.values() if arguments.only.lower() in c.name.lower() and (c.quick or not arguments.quick)]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ringfence-tamper-") as name:
        Path(name).chmod(0o755)
        with Laboratory(Path(name)).open() as lab:
            print(f"{time.monotonic() - started:.0f} s", flush=True)
            for case in cases:
                print(case.kind, case.name, case.by, {k: v[:150] for k, v in try_out(lab, case).items()}, f"{time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
