"""What an import found, took and did not take: for people, or as JSON. Of records it holds names of fields alone."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app.import_jsonl.files import Rejects
from app.terminal_text import printable

_MAX_REASONS = 1000


@dataclass
class Report:
    """Counts of lines, and of records by tenant.

    taken: records that are, or would be, in the database. stored: those of them that were not there before. refused:
    lines that are not taken. reasons: their places and reasons, the first 1,000. rejects: keeps those lines, where that
    was asked for. keys_left: public ids of keys that could not be revoked.
    """

    applied: bool
    lines: int = 0
    blank: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)
    repaired: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    created: list[str] = field(default_factory=list)
    rejects: Rejects | None = None
    keys_left: list[str] = field(default_factory=list)

    def refuse(self, place: str, why: str, line: bytes) -> None:
        """Note a line that is not taken, and keep it where that was asked for."""
        self.refused += 1
        if len(self.reasons) < _MAX_REASONS:
            self.reasons.append((place, why))
        if self.rejects:
            self.rejects.add(line)

    def as_json(self) -> dict[str, Any]:
        """Return it as one document."""
        return {
            "applied": self.applied,
            "lines": self.lines,
            "blank": self.blank,
            "taken": dict(sorted(self.taken.items())),
            "stored": dict(sorted(self.stored.items())),
            "already_there": self.taken.total() - self.stored.total() if self.applied else None,
            "not_taken": self.refused,
            "reasons": [{"place": place, "reason": why} for place, why in self.reasons],
            "repaired": dict(self.repaired),
            "unknown_fields": dict(self.unknown),
            "tenants_created": self.created,
            "keys_left": self.keys_left,
        }

    def summary(self) -> str:
        """Return its numbers in one line."""
        taken, stored = self.taken.total(), self.stored.total()
        found = f"{stored:,} records stored, {taken - stored:,} there already"
        if not self.applied:
            found = f"{taken:,} records would be taken"
        return f"{self.lines:,} lines: {found}, {self.refused:,} not taken, {self.blank:,} blank"

    def __str__(self) -> str:
        parts = [self.summary(), *_counted(sorted(self.taken.items()))]
        if self.created:
            parts.append(f"Tenants {'registered' if self.applied else 'to be registered'}: {', '.join(self.created)}")
        if self.repaired:
            parts += ["Read in another form than written:", *_counted(self.repaired.most_common())]
        if self.unknown:
            parts += ["Fields that an import does not take:", *_counted(self.unknown.most_common(50))]
        if self.reasons:
            parts += ["Not taken:", *(f"  {place}  {why}" for place, why in self.reasons)]
            if self.refused > len(self.reasons):
                parts.append(f"  and {self.refused - len(self.reasons):,} more")
        if self.keys_left:
            parts.append(f"Keys that could not be revoked, and expire within an hour: {', '.join(self.keys_left)}")
        if not self.applied:
            parts.append("Nothing was stored; --apply stores what is not there yet.")
        return "\n".join(map(printable, parts))


def _counted(counts: list[tuple[str, int]]) -> list[str]:
    return [f"  {name}: {count:,}" for name, count in counts]
