"""The report: what each flood cost other callers, as a Markdown table."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.siege.flood import Flood
from tests.siege.probe import Neighbour, Noticed

MAX_LATENCY = 2.0
MAX_MEGABYTES = 64.0


@dataclass(frozen=True)
class Line:
    """One flood. Megabytes of the service: more at its peak, and more half a second after the flood.

    got: what the flood was answered, in words.
    """

    flood: Flood
    neighbour: Neighbour
    more_at_peak: float
    more_after: float
    smuggled: int
    got: str

    def findings(self) -> list[str]:
        """Return what must not be."""
        watched = {
            "executes": self.neighbour.executes,
            "health": self.neighbour.health,
            "others": self.neighbour.others,
        }
        found = [f"{name}: {_failures(noticed)}" for name, noticed in watched.items() if noticed.failures]
        found += [f"{name}: {each.worst:.1f} s" for name, each in watched.items() if each.worst > MAX_LATENCY]
        if self.more_at_peak > MAX_MEGABYTES:
            found.append(f"{self.more_at_peak:.0f} MB more")
        if self.smuggled:
            found.append(f"{self.smuggled} bodies were run as requests")
        return found

    def __str__(self) -> str:
        """Return it as a row."""
        executes, health, others = self.neighbour.executes, self.neighbour.health, self.neighbour.others
        also = f"{self.flood.also}: {_failures(others)}, {others.worst:.2f} s" if self.flood.also else ""
        return (
            f"| {self.flood.name} | {self.flood.connections:,} | {executes.asked} | {_failures(executes)} |"
            f" {executes.worst:.2f} s | {_failures(health)}, {health.worst:.2f} s | {also} |"
            f" {self.more_at_peak:.0f} MB | {self.more_after:.0f} MB | {'**fails**' if self.findings() else 'holds'} |"
        )


def table(lines: Sequence[Line]) -> str:
    """Return the table of floods in Markdown."""
    return "\n".join(
        [
            "| flood | connections | executes of a neighbour | failed | slowest | health: failed, slowest |"
            " also asked: failed, slowest | memory at peak | after | verdict |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *map(str, lines),
        ]
    )


def _failures(noticed: Noticed) -> str:
    return ", ".join(f"{count} x {what}" for what, count in noticed.failures.most_common()) or "0"
