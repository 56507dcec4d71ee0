"""A bar chart as SVG, made here: it needs no script, and its numbers stand in a table beside it."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 960, 200
_BASE = 170
"""Where the bars stand; below are the hours."""


class Bar(NamedTuple):
    """One rectangle. kind: records, failures or refusals."""

    kind: str
    x: float
    y: float
    width: float
    height: float


class Chart(NamedTuple):
    """What the template draws. labels: (x, text) below the bars. top: the number that the highest bar stands for."""

    bars: list[Bar]
    labels: list[tuple[float, str]]
    top: int


def bars_by_hour(hours: Sequence[tuple[str, int, int, int]]) -> Chart:
    """Return a chart of (hour, records, failures, refusals), oldest first: three bars an hour, on one scale."""
    top = max((max(counts) for _, *counts in hours), default=0) or 1
    slot = WIDTH / max(len(hours), 1)
    bars, labels = [], []
    every = max(1, len(hours) // 12)
    for number, (hour, *counts) in enumerate(hours):
        width = slot * 0.26
        for place, (kind, count) in enumerate(zip(("records", "failures", "refusals"), counts, strict=True)):
            height = round((_BASE - 20) * count / top, 1)
            x = round(number * slot + slot * 0.08 + place * width, 1)
            bars.append(Bar(kind, x, round(_BASE - height, 1), round(width, 1), height))
        if number % every == 0:
            labels.append((round(number * slot + slot * 0.08, 1), hour))
    return Chart([bar for bar in bars if bar.height], labels, top)
