"""What the faults did, in a table for docs/citus.md."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.report import Line


@dataclass(frozen=True)
class Outage:
    """One fault. crossed: records that a tenant was shown and are not its own. Seconds: the longest without an

    acknowledgement of the database for tenants of the worker that the fault is about, and for the others.
    """

    line: Line
    seconds: float
    crossed: int
    without_there: float
    without_elsewhere: float

    def __str__(self) -> str:
        """Return it as one line of progress."""
        return (
            f"{self.line}; {self.crossed} crossed; {self.seconds:.0f} s; at most {self.without_there:.1f} s without the"
            f" database there, {self.without_elsewhere:.1f} s elsewhere"
        )


def table(outages: Sequence[Outage]) -> str:
    """Return a table in Markdown: a row for each fault, in the order in which they happened."""
    rows = [
        "| fault | seconds | acknowledged | over the spool | refused | lost | doubled | crossed | slowest answer"
        " | longest without the database: its tenants | others |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for outage in outages:
        line = outage.line
        rows.append(
            f"| {line.name} | {outage.seconds:.0f} | {line.acknowledged:,} | {line.spooled:,} | {line.refused:,} |"
            f" {line.lost} | {line.doubled} | {outage.crossed} | {line.slowest:.1f} s | {outage.without_there:.1f} s |"
            f" {outage.without_elsewhere:.1f} s |"
        )
    total, lost, doubled = (
        sum(getattr(outage.line, name) for outage in outages) for name in ("acknowledged", "lost", "doubled")
    )
    rows.append(
        f"\n{len(outages)} faults: {total:,} records acknowledged, {lost} lost, {doubled} doubled,"
        f" {sum(outage.crossed for outage in outages)} crossed."
    )
    return "\n".join(rows)
