"""What came out, as tables for the terminal."""

import statistics

from bench.figures import shown
from bench.measure import Rate
from bench.results import Results

SECTIONS = {
    "rate": "rate, ours / theirs: more is better",
    "latency": "latency, ours / theirs: less is better",
    "tail": "p99 / median: less is better",
    "tails": "p99 / p99: less is better",
}
WIDTH = 88


def tables(results: Results) -> str:
    """Lay out the ratios, rates above latencies; the rates that they come from; and what was counted."""
    lines = []
    for of, heading in SECTIONS.items():
        lines.append(f"{heading:{WIDTH}} {'target':>8} {'median':>7}   lowest to highest")
        for comparison in results.comparisons:
            if comparison.pair.of == of:
                ratios = comparison.ratios()
                spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
                lines.append(
                    f"{comparison.pair.name:{WIDTH}} {comparison.pair.bound():>8} {comparison.ratio():7.2f}   "
                    f"{spread:17}   {comparison.verdict().replace('missed', 'MISSED')}".rstrip()
                )
        lines.append("")
    heading = "medians of the rounds (-: a load is a single request)"
    lines.append(f"{heading:{WIDTH}} {'a second':>10} {'':14} {'p50 ms':>8} {'p99 ms':>8}")
    seen: set[int] = set()  # a load may stand in several pairs
    for comparison in results.comparisons:
        for name, rates in (
            (comparison.pair.what, comparison.ours),
            (f"    {comparison.pair.against}", comparison.theirs),
        ):
            if id(rates[0]) not in seen:
                seen.add(id(rates[0]))
                lines.append(f"{name:{WIDTH}} {_medians(rates)}")
    if results.figures:
        lines.append(f"\n{'figures of this machine':{WIDTH}} {'target':>12} {'median':>9}")
    for figure in results.figures:
        spread = f"{shown(min(figure.values))} to {shown(max(figure.values))}"
        name = f"{figure.name} ({figure.unit})"
        verdict = figure.verdict().replace("missed", "MISSED")
        lines.append(
            f"{name:{WIDTH}} {figure.bound():>12} {shown(figure.median()):>9}   {spread:17}   {verdict}".rstrip()
        )
    for fact in results.facts:
        lines.append(f"\n{fact.name} ({fact.unit})")
        lines += [f"    {name:60} {value:>10,}" for name, value in fact.values.items()]
    lines += [f"\nNot measured: {reason}" for reason in results.skipped]
    return "\n".join(lines)


def _medians(rates: list[Rate]) -> str:
    rate = statistics.median(rate.per_second for rate in rates)
    parts = [f"{rate:10,.0f} {rates[0].unit:14}"]
    for values in ([rate.p50 for rate in rates], [rate.p99 for rate in rates]):
        known = [value for value in values if value is not None]
        parts.append(f"{statistics.median(known):8.2f}" if known else f"{'-':>8}")
    return " ".join(parts)
