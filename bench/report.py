"""What came out: a table for the terminal, a file for machines, a picture for the README."""

import json
import os
import platform
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.measure import Comparison

ROOT = Path(__file__).parent.parent
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "psycopg", "psycopg-pool")
VERDICTS = {True: "met", False: "MISSED", None: ""}
COLOURS = {True: "#2a7f62", False: "#c0504d", None: "#8a8a8a"}


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")  # fmt: skip
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def target(comparison: Comparison) -> str:
    """Return the target as it is written: at least for rates, at the most for latencies."""
    if comparison.pair.target is None:
        return ""
    return f"{'>=' if comparison.pair.of == 'rate' else '<='} {comparison.pair.target:.2f}"


def table(comparisons: list[Comparison]) -> str:
    """Lay the ratios out in columns."""
    lines = [f"{'ratio':64} {'target':>8} {'median':>7}   lowest to highest"]
    for comparison in comparisons:
        ratios = comparison.ratios()
        lines.append(
            f"{comparison.pair.name:64} {target(comparison):>8} {comparison.ratio():7.2f}   "
            f"{min(ratios):.2f} to {max(ratios):.2f}   {VERDICTS[comparison.met()]}"
        )
    return "\n".join(lines)


def write(comparisons: list[Comparison], facts: dict[str, Any], settings: tuple[str, ...]) -> None:
    """Write bench/results/<day>.json and docs/benchmarks.svg."""
    now = datetime.now(UTC)
    document = {
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "server_settings": settings,
        "facts": facts,
        "comparisons": [comparison.as_json() for comparison in comparisons],
    }
    results = ROOT / "bench" / "results" / f"{now:%Y-%m-%d}.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(document, indent=1) + "\n")
    caption = f"Median of the rounds, their spread, and the target (dashed). {now:%Y-%m-%d}, {os.cpu_count()} cores."
    write_picture(ROOT / "docs" / "benchmarks.svg", comparisons, caption)


def write_picture(path: Path, comparisons: list[Comparison], caption: str) -> None:
    """Draw one bar a ratio, with its spread and its target."""
    row, left, width = 34, 400, 360
    longest = max(*comparison.ratios(), comparison.pair.target or 0) for comparison in comparisons) * 1.05
    height = 60 + row * len(comparisons)

    def x(ratio: float) -> float:
        return left + width * ratio / longest

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 110} {height}" font-family="sans-serif" '
        'font-size="13"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="10" y="22" fill="#333">{escape(caption)}</text>',
    ]
    for number, comparison in enumerate(comparisons):
        y = 40 + row * number
        ratio, ratios = comparison.ratio(), comparison.ratios()
        colour = COLOURS[comparison.met()]
        parts.append(
            f'<text x="{left - 10}" y="{y + 17}" text-anchor="end" fill="#111">{escape(comparison.pair.name)}</text>'
            f'<rect x="{left}" y="{y + 4}" width="{x(ratio) - left:.1f}" height="18" fill="{colour}"/>'
            f'<line x1="{x(min(ratios)):.1f}" x2="{x(max(ratios)):.1f}" y1="{y + 13}" y2="{y + 13}" stroke="#111"/>'
            f'<text x="{left + width + 8}" y="{y + 17}" fill="#111">{ratio:.2f} {escape(target(comparison))}</text>'
        )
        if comparison.pair.target is not None:
            at = f"{x(comparison.pair.target):.1f}"
            parts.append(f'<line x1="{at}" x2="{at}" y1="{y}" y2="{y + 26}" stroke="#111" stroke-dasharray="3 2"/>')
    parts.append("</svg>")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(parts) + "\n")
