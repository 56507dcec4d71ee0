"""Figures of one machine with a target of their own, where there is nothing to compare with."""

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What was measured, a value a round. target: None where it is only reported; at_least: more is better."""

    name: str
    unit: str
    values: list[float]
    target: float | None = None
    at_least: bool = False

    def median(self) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.values)

    def bound(self) -> str:
        """Return the target as text, empty where there is none."""
        return "" if self.target is None else f"{'>=' if self.at_least else '<='} {shown(self.target)}"

    def met(self) -> bool | None:
        """Return whether the median meets the target; None where there is none."""
        if self.target is None:
            return None
        return self.median() >= self.target if self.at_least else self.median() <= self.target

    def verdict(self) -> str:
        """Return `met` or `missed`, empty where there is no target."""
        return {True: "met", False: "missed", None: ""}[self.met()]

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {**asdict(self), "median": self.median(), "met": self.met()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Figure":
        """Return the figure that as_json() wrote."""
        return cls(**{name: document[name] for name in ("name", "unit", "values", "target", "at_least")})


def shown(value: float) -> str:
    """Return a value as people read it: three digits that count, thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
