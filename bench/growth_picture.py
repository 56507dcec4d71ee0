"""The picture for docs/capacity.md: a panel for each cost, against the number of records, which grows by tens.

Each panel begins at 0, so that a line that is level looks level. The dots are medians, the whiskers lowest and highest.
"""

import math
from collections.abc import Mapping, Sequence

from bench.figures import Figure, shown
from bench.picture import FAINT, GRID, INK, line, text

WIDTH, LEFT, RIGHT = 960, 80, 40
PANEL, PLOT = 190, 110
"""Heights of a panel and of what is drawn in it."""
COLOUR = "#1a7f64"


def draw(figures: Mapping[int, Sequence[Figure]], caption: str) -> str:
    """Return the picture as SVG. figures: of each size, in the same order. caption: when and on what."""
    kinds = list(zip(*figures.values(), strict=True))
    height = 84 + PANEL * len(kinds)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        " role=\"img\" font-family=\"-apple-system, BlinkMacSystemFont, 'Segoe UI', 'Noto Sans', Helvetica, Arial,"
        ' sans-serif">',
        "<title>What a record costs against how many there are</title>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" fill="#ffffff" stroke="{GRID}"/>',
        text(24, 36, "What a record costs, against how many there are", size=18, weight=600),
        text(24, 58, f"{caption}.", FAINT, 11),
    ]
    for number, columns in enumerate(kinds):
        parts += _panel(list(figures), columns, 84 + PANEL * number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(sizes: Sequence[int], figures: Sequence[Figure], y: float) -> list[str]:
    top, bottom = y + 30, y + 30 + PLOT
    highest = max(max(figure.values) for figure in figures) * 1.25
    parts = [
        text(24, y + 16, f"{figures[0].name} ({figures[0].unit})", size=14, weight=600),
        text(WIDTH - 24, y + 16, "level is better", FAINT, 12, anchor="end"),
        f'<path d="M{LEFT} {bottom}H{WIDTH - RIGHT}" stroke="{GRID}"/>',
        text(LEFT - 10, bottom + 4, "0", FAINT, 11, anchor="end"),
    ]
    points = []
    for size, figure in zip(sizes, figures, strict=True):
        x = _across(sizes, size)
        at, low, high = (
            bottom - value / highest * PLOT for value in (figure.median(), min(figure.values), max(figure.values))
        )
        points.append(f"{x:.1f},{at:.1f}")
        parts += [
            line(x, top, bottom, GRID),
            f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{INK}" stroke-width="1.5"/>',
            f'<circle cx="{x:.1f}" cy="{at:.1f}" r="4" fill="{COLOUR}"/>',
            text(x + 8, at - 6, shown(figure.median()), size=12, weight=600),
            text(x, bottom + 16, f"{size:,}", FAINT, 11, anchor="middle"),
        ]
    return [*parts, f'<polyline points="{" ".join(points)}" fill="none" stroke="{COLOUR}" stroke-width="2"/>']


def _across(sizes: Sequence[int], size: int) -> float:
    """Return where a size lies: the same factor is the same distance."""
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])
    share = (math.log10(size) - first) / (last - first) if last > first else 0.5
    return LEFT + 40 + share * (WIDTH - RIGHT - LEFT - 100)
