"""The picture of a run, for the README: one bar a ratio, its spread and its target, rates and latencies apart."""

from html import escape
from pathlib import Path

from bench.measure import Comparison

_MET, _MISSED, _TOLD = "#1f7a5a", "#b4472f", "#6b7280"
_INK, _PALE, _PAPER = "#1f2328", "#d0d7de", "#ffffff"
_LEFT, _WIDTH, _RIGHT, _ROW = 392, 330, 196, 30


def write_picture(path: Path, comparisons: list[Comparison], caption: str) -> None:
    """Draw `comparisons`."""
    panels = [
        ("Rates, ours / the other: longer is better", [one for one in comparisons if one.pair.of == "rate"]),
        ("Latencies, ours / the other: shorter is better", [one for one in comparisons if one.pair.of == "latency"]),
    ]
    longest = 1.05 * max(
        ratio for comparison in comparisons for ratio in (*comparison.ratios(), comparison.pair.target or 0)
    )
    parts: list[str] = []
    y = 62
    for title, rows in panels:
        parts.append(_text(12, y, title, weight="600"))
        y += 14
        for comparison in rows:
            parts.append(_bar(comparison, y, _WIDTH / longest))
            y += _ROW
        y += 26
    width = _LEFT + _WIDTH + _RIGHT
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" font-family="system-ui, sans-serif" '
        f'font-size="13" role="img" aria-label="{escape(caption)}">\n'
        f'<rect width="{width}" height="{y}" rx="8" fill="{_PAPER}" stroke="{_PALE}"/>\n'
        f"{_text(12, 26, caption, weight='600')}\n"
        f"{_text(12, 43, 'bar: median; black line: lowest to highest; dashed: target', size=11)}\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(comparison: Comparison, y: int, scale: float) -> str:
    pair, ratio, ratios, met = comparison.pair, comparison.ratio(), comparison.ratios(), comparison.met()
    colour = _TOLD if met is None else _MET if met else _MISSED
    verdict = "" if met is None else "met" if met else "missed"
    middle = y + _ROW // 2
    parts = [
        _text(_LEFT - 10, middle + 4, pair.name, anchor="end", size=12),
        f'<rect x="{_LEFT}" y="{middle - 8}" width="{ratio * scale:.1f}" height="16" fill="{colour}"/>',
        f'<path d="M{_LEFT + min(ratios) * scale:.1f} {middle}H{_LEFT + max(ratios) * scale:.1f}" stroke="{_INK}" '
        'stroke-width="1.5"/>',
        _text(_LEFT + _WIDTH + 10, middle + 4, f"{ratio:.2f}", weight="600"),
        _text(_LEFT + _WIDTH + 52, middle + 4, f"{pair.target_as_text()}  {verdict}".strip(), colour=colour),
    ]
    if pair.target is not None:
        at = _LEFT + pair.target * scale
        parts.append(
            f'<path d="M{at:.1f} {middle - 12}V{middle + 12}" stroke="{_INK}" stroke-dasharray="3 2"/>'
        )
    return "".join(parts)


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400", size: int = 13, colour: str = _INK
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="{colour}">'
        f"{escape(words)}</text>"
    )
