"""Measuring: loads in turn, and the ratio of each turn.

What else the machine does falls on both of a pair, so a ratio means more than either rate.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Load = Callable[[int], "Rate"]
"""Takes the seconds that it shall last (one of a fixed size lasts as long as it takes); returns what was measured."""


@dataclass(frozen=True)
class Rate:
    """One measurement.

    per_second: of what `unit` says; count: how many there were; p50, p99: milliseconds of one, None where one load is
    one request.
    """

    per_second: float
    unit: str
    count: int
    p50: float | None = None
    p99: float | None = None

    def __str__(self) -> str:
        """Say it in one word, with p99 where it is known."""
        return f"{self.per_second:,.0f}/s" + (f" (p99 {self.p99:.1f} ms)" if self.p99 is not None else "")


@dataclass(frozen=True)
class Pair:
    """What is compared, and how it should come out.

    what, against: for people; ours, theirs: names of loads. target: what the ratio must at least (of rates) or at the
    most (of latencies) be; None where it is only reported. of: "rate", or "latency": the medians.
    """

    what: str
    against: str
    ours: str
    theirs: str
    target: float | None
    of: str = "rate"

    @property
    def name(self) -> str:
        """What it is the ratio of."""
        return f"{self.what} / {self.against}"

    def bound(self) -> str:
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
        both = list(zip(self.ours, self.theirs, strict=True))
        if self.pair.of == "rate":
            return [one.per_second / other.per_second for one, other in both]
        return [_latency(one) / _latency(other) for one, other in both]

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


def _latency(rate: Rate) -> float:
    assert rate.p50 is not None, "latencies are compared of loads that measure them"
    return rate.p50


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    rounds: of each comparison; seconds: of one load; warming_up: seconds of a load before the first round, 0 for none.
    records: in the larger table; sent: records of one bulk request; exported: records of one export.
    """

    rounds: int
    seconds: int
    warming_up: int
    records: int
    sent: int
    exported: int


def compare(pairs: list[Pair], loads: Mapping[str, Load], plan: Plan) -> list[Comparison]:
    """Run the loads of `pairs` in turn, round after round."""
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.theirs, pair.ours)))
    comparisons = [Comparison(pair) for pair in pairs]
    for number in range(0 if plan.warming_up else 1, plan.rounds + 1):
        measured = {name: loads[name](plan.seconds if number else plan.warming_up) for name in names}
        print(f"  {f'round {number}' if number else 'warm-up'}", end="")
        print("".join(f"   {name} {rate}" for name, rate in measured.items()), flush=True)
        if number:
            for comparison in comparisons:
                comparison.ours.append(measured[comparison.pair.ours])
                comparison.theirs.append(measured[comparison.pair.theirs])
    return comparisons


class Clock:
    """Says what is begun, and how far into the run."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Return how long it has been."""
        return time.monotonic() - self._started

    def say(self, title: str) -> None:
        """Print a title."""
        print(f"[{self.seconds():3.0f} s] {title}", flush=True)
