"""Measuring: two loads in turn, with pgbench or wrk, and the ratio of each turn.

What else the machine does falls on both of a pair, so a ratio means more than either rate. Load comes from programs in
C: a client in Python would measure itself.
"""

import json
import os
import re
import statistics
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Rate:
    """One measurement. per_second: transactions or requests; p50, p99: milliseconds, None where not known."""

    per_second: float
    p50: float | None = None
    p99: float | None = None

    def __str__(self) -> str:
        """Say it in one word, with p99 where it is known."""
        return f"{self.per_second:,.0f}/s" + (f" (p99 {self.p99:.1f} ms)" if self.p99 is not None else "")


@dataclass(frozen=True)
class Pair:
    """What is compared, and how it should come out.

    of: whether rates or median latencies are compared; target: what the ratio must at least (rates) or at the most
    (latencies) be; None where it is only reported.
    """

    name: str
    ours: str
    theirs: str
    target: float | None
    of: str = "rate"

    def target_as_text(self) -> str:
        """Write the target: at least for rates, at the most for latencies; nothing where there is none."""
        return "" if self.target is None else f"{'>=' if self.of == 'rate' else '<='} {self.target:.2f}"


@dataclass
class Comparison:
    """A pair after its rounds."""

    pair: Pair
    ours: list[Rate] = field(default_factory=list)
    theirs: list[Rate] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """Return ours / theirs, round by round."""
        if self.pair.of == "rate":
            return [one.per_second / other.per_second for one, other in zip(self.ours, self.theirs, strict=True)]
        return [(one.p50 or 0) / (other.p50 or 1) for one, other in zip(self.ours, self.theirs, strict=True)]

    def ratio(self) -> float:
        """Return the median of the ratios."""
        return statistics.median(self.ratios())

    def met(self) -> bool | None:
        """Return whether the median meets the target; None where there is none."""
        if self.pair.target is None:
            return None
        return self.ratio() >= self.pair.target if self.pair.of == "rate" else self.ratio() <= self.pair.target

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            **asdict(self.pair),
            "ratio": self.ratio(),
            "ratios": self.ratios(),
            "met": self.met(),
            "our_rounds": [asdict(rate) for rate in self.ours],
            "their_rounds": [asdict(rate) for rate in self.theirs],
        }


Load = Callable[[], Rate]


def compare(pairs: list[Pair], loads: Mapping[str, Load], rounds: int) -> list[Comparison]:
    """Run the loads of `pairs` in turn, `rounds` times over after one round to warm up."""
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.theirs, pair.ours)))
    comparisons = [Comparison(pair) for pair in pairs]
    for number in range(rounds + 1):
        measured = {name: loads[name]() for name in names}
        print(f"  {f'round {number}' if number else 'warm-up'}", end="")
        print("".join(f"   {name} {rate}" for name, rate in measured.items()), flush=True)
        if number:
            for comparison in comparisons:
                comparison.ours.append(measured[comparison.pair.ours])
                comparison.theirs.append(measured[comparison.pair.theirs])
    return comparisons


def pgbench(binaries: Path, host: Path, database: str, role: str, script: str, **options: Any) -> Load:
    """Return a load by pgbench with one file of bench/sql.

    options: seconds, clients, variables (of the script).
    """
    variables = [f"--define={name}={value}" for name, value in options.get("variables", {}).items()]
    command = [
        str(binaries / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={options['clients']}",
        f"--jobs={min(2, options['clients'])}", f"--time={options['seconds']}", *variables,
        f"--file={HERE / 'sql' / script}", f"--host={host}", f"--username={role}", database,
    ]  # fmt: skip

    def run() -> Rate:
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        rate = re.search(r"^tps = ([0-9.]+)", finished.stdout, re.MULTILINE)
        latency = re.search(r"^latency average = ([0-9.]+) ms", finished.stdout, re.MULTILINE)
        if finished.returncode != 0 or not rate or not latency:
            raise RuntimeError(finished.stderr)
        return Rate(float(rate[1]), p50=float(latency[1]))

    return run


def wrk(url: str, *, seconds: int, connections: int, **environment: str) -> Load:
    """Return a load by wrk with bench/requests.lua. environment: METHOD, and BODY, API_KEY or TENANT."""
    command = [
        "wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--latency",
        f"--script={HERE / 'requests.lua'}", url,
    ]  # fmt: skip

    def run() -> Rate:
        finished = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        found = json.loads(finished.stdout.strip().splitlines()[-1]) if finished.returncode == 0 else None
        if not found or found["failed"] or not found["requests"]:
            raise RuntimeError(f"{url}: {finished.stdout} {finished.stderr}")
        return Rate(found["requests"] / found["microseconds"] * 1e6, found["p50"] / 1000, found["p99"] / 1000)

    return run
