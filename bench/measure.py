"""Measuring: loads in turn, and the ratio of each turn.

What else the machine does falls on both of a pair, so a ratio means more than either rate.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
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
        """Return the rate, with p99 where it is known."""
        return f"{self.per_second:,.0f}/s" + (f" (p99 {self.p99:.1f} ms)" if self.p99 is not None else "")


@dataclass(frozen=True)
class Fact:
    """Something counted. values: by what it was counted for."""

    name: str
    unit: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Pair:
    """What is compared, and how it should come out.

    what, against: for people; ours, theirs: names of loads. target: the bound of the ratio; None where it is only
    reported. of: "rate" (more is better), "latency" (of the medians, less is better), "tail" (p99 of ours to the
    median of theirs, less is better), or "tails" (p99 of both, less is better). peer: whether `against` is a peer
    rather than a limit. cores: how many the machine needs for the target to be judged.
    """

    what: str
    against: str
    ours: str
    theirs: str
    target: float | None = None
    of: str = "rate"
    peer: bool = False
    cores: int = 0

    @property
    def name(self) -> str:
        """What it is the ratio of."""
        return f"{self.what} / {self.against}"

    def bound(self) -> str:
        """Return the target as text: a lower bound for rates, an upper one for latencies; empty where there is none."""
        return "" if self.target is None else f"{'>=' if self.of == 'rate' else '<='} {self.target:.2f}"


@dataclass
class Comparison:
    """A pair after its rounds. machine_cores: of the machine that it was measured on."""

    pair: Pair
    machine_cores: int
    ours: list[Rate] = field(default_factory=list)
    theirs: list[Rate] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """Return ours / theirs, round by round."""
        both = list(zip(self.ours, self.theirs, strict=True))
        if self.pair.of == "rate":
            return [one.per_second / other.per_second for one, other in both]
        part = "p99" if self.pair.of in ("tail", "tails") else "p50"
        against = "p99" if self.pair.of == "tails" else "p50"
        return [_milliseconds(one, part) / _milliseconds(other, against) for one, other in both]

    def ratio(self) -> float:
        """Return the median of the ratios."""
        return statistics.median(self.ratios())

    def met(self) -> bool | None:
        """Return whether the median meets the target; None where there is none, or the machine has too few cores."""
        if self.pair.target is None or self.machine_cores < self.pair.cores:
            return None
        return self.ratio() >= self.pair.target if self.pair.of == "rate" else self.ratio() <= self.pair.target

    def verdict(self) -> str:
        """Return `met` or `missed`; empty where there is no target, and the reason where it was not judged."""
        met = self.met()
        if met is not None:
            return "met" if met else "missed"
        return "" if self.pair.target is None else f"not judged: needs {self.pair.cores} cores"

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

    @classmethod
    def from_json(cls, document: Mapping[str, Any], machine_cores: int) -> "Comparison":
        """Return the comparison that as_json() wrote."""
        pair = Pair(**{part.name: document[part.name] for part in fields(Pair) if part.name in document})
        rounds = ([Rate(**rate) for rate in document[name]] for name in ("our_rounds", "their_rounds"))
        return cls(pair, machine_cores, *rounds)


def _milliseconds(rate: Rate, part: str) -> float:
    found: float | None = getattr(rate, part)
    assert found is not None, "latencies are compared of loads that measure them"
    return found


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    rounds: of each comparison; seconds: of one load; warming_up: seconds of a load before the first round, 0 for none.
    records: in the larger table; unanalysed: in the table without statistics; sent: records of one bulk request;
    exported: records of one export; sealed: records that are sealed in one round; leaves: of the tree that is proven;
    pruned: records that are pruned in one round; kept: records of the tenant from which a person is erased.
    """

    rounds: int
    seconds: int
    warming_up: int
    records: int
    unanalysed: int
    sent: int
    exported: int
    sealed: int
    leaves: int
    pruned: int
    kept: int


def compare(pairs: list[Pair], loads: Mapping[str, Load], plan: Plan, machine_cores: int) -> list[Comparison]:
    """Run the loads of `pairs` in turn, round after round. A pair whose load is missing is left out."""
    pairs = [pair for pair in pairs if {pair.ours, pair.theirs} <= loads.keys()]
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.theirs, pair.ours)))
    comparisons = [Comparison(pair, machine_cores) for pair in pairs]
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
    """Prints what is begun, and how far into the run."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Return how long it has been."""
        return time.monotonic() - self._started

    def say(self, title: str) -> None:
        """Print a title."""
        print(f"[{self.seconds():3.0f} s] {title}", flush=True)
