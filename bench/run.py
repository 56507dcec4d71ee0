"""One run of the benchmark: what it measures with, and what it has found so far."""

from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, shown
from bench.laboratory import Laboratory
from bench.loads import pgbench
from bench.measure import Clock, Load, Pair, Plan, compare
from bench.results import Results


@dataclass(frozen=True)
class Run:
    """What is read lies in the database of `reading`, what is written goes into the one of `writing`.

    folder: for files that are thrown away.
    """

    writing: Laboratory
    reading: Laboratory
    folder: Path
    plan: Plan
    clock: Clock
    results: Results

    def measure(self, title: str, pairs: list[Pair], loads: dict[str, Load]) -> None:
        """Measure the pairs, and keep what was found."""
        self.clock.say(title)
        self.results.comparisons += compare(pairs, loads, self.plan, self.results.cores)

    def figure(self, figure: Figure) -> None:
        """Keep a figure, and print it."""
        print(f"  {figure.name}: {shown(figure.median())} {figure.unit} {figure.verdict()}".rstrip(), flush=True)
        self.results.figures.append(figure)


def sql(
    laboratory: Laboratory, role: str, script: str, clients: int, per_second: float | None = None, **variables: str
) -> Load:
    """Return a load by pgbench: one file of bench/sql in the database of `laboratory`, as `role`. See pgbench()."""
    server = laboratory.server
    variables["api_key"] = laboratory.api_key
    return pgbench(
        server.binaries, server.socket_folder, laboratory.name, role, script, clients, per_second, **variables
    )
