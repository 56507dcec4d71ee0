"""What the faults did, in a table for docs/reliability.md."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One fault. Counts are of records; wrong: under another tenant, changed, or stored though refused. Seconds."""

    name: str
    sent: int
    acknowledged: int
    spooled: int
    refused: int
    unknown: int
    lost: int
    doubled: int
    wrong: int
    slowest: float
    recovered: float

    def __str__(self) -> str:
        """Return it as one line of progress."""
        return (
            f"{self.name}: {self.sent} sent, {self.acknowledged} acknowledged ({self.spooled} over the spool),"
            f" {self.refused} refused, {self.unknown} unknown, {self.lost} lost, {self.doubled} doubled,"
            f" {self.wrong} wrong; slowest answer {self.slowest:.1f} s, well again after {self.recovered:.1f} s"
        )


def table(runs: Sequence[Sequence[Line]]) -> str:
    """Return a table in Markdown: the sums over all runs, and the largest times."""
    rows = [
        "| fault | acknowledged | over the spool | refused | unknown | lost | doubled | slowest answer | well after |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for lines in zip(*runs, strict=True):
        acknowledged, spooled, refused, unknown, lost, doubled = (
            sum(getattr(line, name) for line in lines)
            for name in ("acknowledged", "spooled", "refused", "unknown", "lost", "doubled")
        )
        rows.append(
            f"| {lines[0].name} | {acknowledged:,} | {spooled:,} | {refused:,} | {unknown:,} | {lost} | {doubled} |"
            f" {max(line.slowest for line in lines):.1f} s | {max(line.recovered for line in lines):.1f} s |"
        )
    everything = [line for lines in runs for line in lines]
    total = sum(line.acknowledged for line in everything)
    rows.append(
        f"\n{len(runs)} run(s), {len(everything)} faults: {total:,} records acknowledged,"
        f" {sum(line.lost for line in everything)} lost, {sum(line.doubled for line in everything)} doubled,"
        f" {sum(line.wrong for line in everything)} under another tenant, changed, or stored though refused."
    )
    return "\n".join(rows)
