"""What the failovers did, in a table for docs/high-availability.md."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.ledger import Answer, Ledger
from tests.chaos.report import Line


@dataclass(frozen=True)
class Outage:
    """One fault. Seconds: until another primary was there, and the longest times without an acknowledgement."""

    line: Line
    promoted: float
    without_database: float
    without_any: float

    def __str__(self) -> str:
        """Return it as one line of progress."""
        return (
            f"{self.line}; another primary after {self.promoted:.1f} s; at most {self.without_database:.1f} s without"
            f" an acknowledgement of the database, {self.without_any:.1f} s without any"
        )


def silence(ledger: Ledger, tenants: Collection[str] | None = None) -> tuple[float, float]:
    """Return the longest seconds between two acknowledgements of the database, and between any two with the spool's.

    tenants: of their records alone.
    """

    def longest(*answers: Answer) -> float:
        times = sorted(
            each.answered_at
            for each in ledger.sent.values()
            if each.answer in answers and each.answered_at and (tenants is None or each.tenant in tenants)
        )
        return max((later - earlier).total_seconds() for earlier, later in pairwise(times))

    return longest(Answer.ACKNOWLEDGED), longest(Answer.ACKNOWLEDGED, Answer.SPOOLED)


def table(outages: Sequence[Outage]) -> str:
    """Return a table in Markdown: a row for each fault, in the order in which they happened."""
    rows = [
        "| fault | acknowledged | over the spool | refused | unknown | lost | doubled"
        " | another primary after | longest without the database | longest without any |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for outage in outages:
        line = outage.line
        promoted = f"{outage.promoted:.1f} s" if outage.promoted else "-"
        rows.append(
            f"| {line.name} | {line.acknowledged:,} | {line.spooled:,} | {line.refused:,} | {line.unknown:,} |"
            f" {line.lost} | {line.doubled} | {promoted} | {outage.without_database:.1f} s"
            f" | {outage.without_any:.1f} s |"
        )
    total = sum(outage.line.acknowledged for outage in outages)
    rows.append(
        f"\n{len(outages)} faults: {total:,} records acknowledged, {sum(outage.line.lost for outage in outages)} lost,"
        f" {sum(outage.line.doubled for outage in outages)} doubled."
    )
    return "\n".join(rows)
