"""The picture for docs/performance.md: one bar a ratio; limits, peers and latencies in panels of their own.

It brings its own light ground, so that it reads the same on a light page and on a dark one. Met and missed are told by
a sign and a word as well as by colour, and each panel says which way is better.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from bench.measure import Comparison, Pair

WIDTH, LEFT, RIGHT = 960, 360, 220
"""Of the whole, of the labels, and of the words behind the bars."""
ROW, BAR = 44, 16
INK, FAINT, GRID = "#1f2328", "#59636e", "#d8dee4"
COLOURS = {True: "#1a7f64", False: "#d1690e", None: "#8b96a3"}
SIGNS = {True: "✓ met", False: "✗ missed", None: ""}


@dataclass(frozen=True)
class Panel:
    """Ratios on a scale of their own. opacity: of the bars, so that nobody takes a latency for a rate."""

    title: str
    direction: str
    belongs: Callable[[Pair], bool]
    opacity: float = 1


PANELS = (
    Panel("Rates: ours ÷ the limit's", "longer is better →", lambda pair: pair.of == "rate" and not pair.peer),
    Panel("Rates: ours ÷ the peer's", "longer is better →", lambda pair: pair.of == "rate" and pair.peer),
    Panel("Latencies: ours ÷ the other's", "← shorter is better", lambda pair: pair.of == "latency", 0.35),
    Panel("p99 ÷ median", "← shorter is better", lambda pair: pair.of == "tail", 0.35),
    Panel("p99 ÷ p99", "← shorter is better", lambda pair: pair.of == "tails", 0.35),
)


def draw(comparisons: list[Comparison], caption: str) -> str:
    """Return the picture as SVG. caption: when and on what it was measured."""
    parts: list[str] = []
    y = 92
    for panel in PANELS:
        shown = [comparison for comparison in comparisons if panel.belongs(comparison.pair)]
        if shown:
            parts += _panel(panel, shown, y)
            y += 58 + ROW * len(shown) + 28
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img"'
        " font-family=\"-apple-system, BlinkMacSystemFont, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\">",
        "<title>Ringfence against its limits and peers</title>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{y - 1}" rx="8" fill="#ffffff" stroke="{GRID}"/>',
        text(24, 36, "Ringfence against its limits and peers", size=18, weight=600),
        text(24, 58, f"Each bar is the median of the rounds. {caption}.", FAINT, 12),
        *_legend(24, 76),
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _panel(panel: Panel, comparisons: list[Comparison], y: float) -> list[str]:
    longest = max(max(*one.ratios(), one.pair.target or 0, 1.0) for one in comparisons) * 1.04
    scale = (WIDTH - LEFT - RIGHT) / longest
    bottom = y + 58 + ROW * len(comparisons)
    parts = [
        f'<line x1="24" x2="{WIDTH - 24}" y1="{y + 10}" y2="{y + 10}" stroke="{GRID}"/>',
        text(24, y + 36, panel.title, size=14, weight=600),
        text(WIDTH - 24, y + 36, panel.direction, size=13, weight=600, anchor="end"),
    ]
    step = next(step for step in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 250.0) if longest / step <= 8)
    for number in range(int(longest / step) + 1):
        x = LEFT + number * step * scale
        parts.append(line(x, y + 50, bottom, GRID))
        parts.append(text(x, bottom + 15, f"{number * step:g}", FAINT, 11, anchor="middle"))
    equal = LEFT + scale  # the line that matters
    parts += [line(equal, y + 50, bottom, FAINT), text(equal, y + 44, "equal", FAINT, 11, anchor="middle")]
    for number, comparison in enumerate(comparisons):
        parts += _row(comparison, y + 52 + ROW * number, scale, panel.opacity)
    return parts


def _row(comparison: Comparison, y: float, scale: float, opacity: float) -> list[str]:
    pair, ratio, ratios, met = comparison.pair, comparison.ratio(), comparison.ratios(), comparison.met()
    middle = y + ROW / 2
    parts = [
        text(LEFT - 14, middle - 3, pair.what, size=13, weight=600, anchor="end"),
        text(LEFT - 14, middle + 13, f"against: {pair.against}", FAINT, 12, anchor="end"),
        f'<rect x="{LEFT}" y="{middle - BAR / 2}" width="{ratio * scale:.1f}" height="{BAR}" rx="2" '
        f'fill="{COLOURS[met]}" fill-opacity="{opacity}" stroke="{COLOURS[met]}"/>',
        *_whisker(LEFT + min(ratios) * scale, LEFT + max(ratios) * scale, middle),
        text(WIDTH - RIGHT + 20, middle + 5, f"{ratio:.2f}", size=15, weight=600),
    ]
    if pair.target is None:
        parts.append(text(WIDTH - RIGHT + 68, middle + 5, "no target", FAINT, 12))
    else:
        parts += _target(LEFT + pair.target * scale, middle)
        bound = pair.bound().replace(">=", "≥").replace("<=", "≤")
        if met is None:
            bound += f" on {pair.cores} cores"
        parts.append(text(WIDTH - RIGHT + 68, middle + 5, bound, FAINT, 12))
        parts.append(text(WIDTH - 24, middle + 5, SIGNS[met], COLOURS[met], 13, weight=600, anchor="end"))
    return parts


def line(x: float, top: float, bottom: float, colour: str) -> str:
    """Return a vertical line."""
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{colour}" stroke-width="1"/>'


def _whisker(low: float, high: float, y: float) -> list[str]:
    # White beneath, so that it is seen on the bar as well as beside it.
    path = f"M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 4}v8M{high:.1f} {y - 4}v8"
    return [
        f'<path d="{path}" fill="none" stroke="#ffffff" stroke-width="3.5"/>',
        f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.5"/>',
    ]


def _target(x: float, y: float) -> list[str]:
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 15}" y2="{y + 15}" stroke="{INK}" stroke-width="2" '
        'stroke-dasharray="4 2"/>',
        f'<path d="M{x - 5:.1f} {y - 20}h10l-5 6z" fill="{INK}"/>',
    ]


def _legend(x: float, y: float) -> list[str]:
    parts, at = [], x
    for met, words, width in ((True, "target met", 102), (False, "target missed", 120), (None, "no target", 98)):
        parts += [
            f'<rect x="{at}" y="{y - 5}" width="14" height="10" rx="2" fill="{COLOURS[met]}"/>',
            text(at + 20, y + 4, words, FAINT, 12),
        ]
        at += width
    parts += [*_whisker(at, at + 24, y), text(at + 32, y + 4, "lowest to highest round", FAINT, 12)]
    at += 190
    mark = f'<path d="M{at} {y - 7}h10l-5 6zM{at + 4} {y - 3}h2v10h-2z" fill="{INK}"/>'
    return [*parts, mark, text(at + 18, y + 4, "target", FAINT, 12)]


def text(
    x: float, y: float, words: str, fill: str = INK, size: int = 13, *, weight: int = 400, anchor: str = "start"
) -> str:
    """Return words; what they hold is escaped."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )
