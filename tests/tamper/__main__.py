"""`make tamper`: every attack on the evidence, and who has caught it; writes the tables of docs/tamper.md.

`make tamper-quick` is the same with some of them, and writes nothing. `--only WORDS` chooses by name. Exits with 1 when
an attack is not caught by everybody who must catch it, when ordinary work looks like an attack, or when a known miss is
caught: then it is none any more.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from app.database_url import forget_libpq_variables
from tests.tamper.cases import CASES
from tests.tamper.laboratory import Laboratory
from tests.tamper.report import Line, tables, write_page


def main() -> int:
    """Attack, look and show; return 0 when all went as demanded."""
    forget_libpq_variables()  # the servers are our own
    parser = argparse.ArgumentParser(prog="python -m tests.tamper", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="some of them, in under two minutes")
    parser.add_argument("--only", default="", metavar="WORDS", help="those whose names hold these words")
    arguments = parser.parse_args()
    words = arguments.only.lower()
    cases = [each for each in CASES.values() if words in each.name.lower() and (each.quick or not arguments.quick)]
    started = time.monotonic()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="ringfence-tamper-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another OS user where we are root
        with Laboratory(folder).open() as lab:
            for case in cases:
                line = Line(case, lab.attack(case))
                lines.append(line)
                print(f"{'ok  ' if line.is_good else 'FAIL'}  {case.name}: {line.status()}", flush=True)
                for catcher, says in line.found.items():
                    print(f"      {catcher}: {says}", flush=True)
                for catcher in line.missing():
                    print(f"      not caught by {catcher}", flush=True)
    is_good = bool(lines) and all(line.is_good for line in lines)
    print(f"\n{tables(lines)}\n\n{time.monotonic() - started:.0f} seconds")
    if is_good and len(lines) == len(CASES):
        write_page(lines)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
