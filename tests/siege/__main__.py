"""`make siege`: every flood against a running service, and what another tenant noticed of each.

`make siege-quick` is the same with less of each. `--only WORDS` chooses floods, and "overload". Exits with 1 when a
neighbour was not served, the service took too much memory, or overload cost more than it may, having said which.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from app.database_url import forget_libpq_variables
from tests.siege import overload
from tests.siege.flood import Flood
from tests.siege.flooding import FLOODS
from tests.siege.laboratory import Laboratory, on_processor
from tests.siege.probe import Neighbour
from tests.siege.report import Line, table

_CALM = 0.3
"""Seconds that the neighbour asks before a flood, and after it."""


async def _besiege(lab: Laboratory, flood: Flood, seconds: float) -> Line:
    neighbour = Neighbour(lab.service.port, lab.keys["neighbour"], flood.also)
    before = peak = lab.memory()
    smuggled = lab.smuggled()
    watching = asyncio.create_task(neighbour.watch())
    await asyncio.sleep(_CALM)
    flooding = asyncio.create_task(_flood(lab, flood, seconds))
    flooding.add_done_callback(lambda _: asyncio.get_running_loop().call_later(_CALM, neighbour.end))
    while not watching.done():
        await asyncio.wait([watching], timeout=0.05)
        peak = max(peak, lab.memory())
    await watching
    return Line(flood, neighbour, peak - before, lab.memory() - before, lab.smuggled() - smuggled, await flooding)


async def _flood(lab: Laboratory, flood: Flood, seconds: float) -> str:
    with on_processor(-1):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.siege.flooding",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    order = {"flood": flood.name, "port": lab.service.port, "keys": lab.keys, "seconds": seconds}
    output, errors = await process.communicate(json.dumps(order).encode())
    if process.returncode:
        raise RuntimeError(f"{flood.name}: {errors.decode()}")
    report = json.loads(output)
    if not report["opened"]:
        raise RuntimeError(f"{flood.name}: not one connection was opened")
    answers = ", ".join(f"{count} x {status}" for status, count in report["answers"].items())
    return f"{report['opened']} opened, {report['cut']} cut, answers: {answers or 'none read'}"


def _withstand(lab: Laboratory, floods: list[Flood], seconds: float) -> list[Line]:
    lines = []
    for flood in floods:
        line = asyncio.run(_besiege(lab, flood, seconds))
        lines.append(line)
        findings = line.findings()
        print(f"{'FAIL' if findings else 'ok  '}  {flood.name} ({line.got})", flush=True)
        for finding in findings:
            print(f"      {finding}", flush=True)
        if findings:
            lab.start()  # so that each flood is judged alone
    return lines


def main() -> int:
    """Flood, measure and show; return 0 when no other caller noticed."""
    forget_libpq_variables()  # the servers are our own
    parser = argparse.ArgumentParser(prog="python -m tests.siege", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="some floods, and no overload, in under 45 seconds")
    parser.add_argument(
        "--only", default="", metavar="WORDS", help='floods whose names hold these words, or "overload"'
    )
    arguments = parser.parse_args()
    words = arguments.only.lower()
    floods = [
        flood for flood in FLOODS.values() if words in flood.name.lower() and (flood.quick or not arguments.quick)
    ]
    started = time.monotonic()
    overload.ensure_programs()
    with tempfile.TemporaryDirectory(prefix="ringfence-siege-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another OS user where we are root
        with Laboratory(folder).open(records=20_000 if arguments.quick else 100_000) as lab:
            lines = _withstand(lab, floods, seconds=1 if arguments.quick else 2)
            # Two processors that others use as well say nothing about goodput, so CI leaves that out.
            rounds = overload.measure(lab) if words in "overload" and not arguments.quick else []
    if lines:
        print(f"\n{table(lines)}")
    if rounds:
        print(f"\n{overload.table(rounds)}")
    print(f"\n{time.monotonic() - started:.0f} seconds")
    return 1 if any(line.findings() for line in lines) or any(each.findings() for each in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
