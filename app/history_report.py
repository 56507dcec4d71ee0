"""What an import found, took and did not take: for people, or as JSON. Of records it holds names of fields alone."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MOST_SHOWN = 1000


@dataclass
class Report:
    """taken: records that are, or would be, in the database, by tenant. not_taken: places and reasons, the first 1,000.

    rejects: the file of the lines that are not taken, where one was asked for.
    """

    applied: bool
    lines: int = 0
    blank: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    not_taken: list[tuple[str, str]] = field(default_factory=list)
    repaired: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    created: list[str] = field(default_factory=list)
    rejects: Path | None = None

    def refuse(self, place: str, why: str, line: bytes) -> None:
        """Note a line that is not taken, and keep it where that was asked for. Raises OSError."""
        self.refused += 1
        if len(self.not_taken) < _MOST_SHOWN:
            self.not_taken.append((place, why))
        if self.rejects:
            self.rejects.touch(0o600)
            with self.rejects.open("ab") as file:
                file.write(line.rstrip(b"\r\n") + b"\n")

    def as_json(self) -> dict[str, Any]:
        """Return it as one document."""
        return {
            "applied": self.applied,
            "lines": self.lines,
            "blank": self.blank,
            "taken": dict(sorted(self.taken.items())),
            "not_taken": self.refused,
            "reasons": [{"place": place, "reason": why} for place, why in self.not_taken],
            "repaired": dict(self.repaired),
            "unknown_fields": dict(self.unknown),
            "tenants_created": self.created,
        }

    def __str__(self) -> str:
        """Return it for people."""
        did = "stored" if self.applied else "would be stored"
        taken = sum(self.taken.values())
        parts = [f"{self.lines:,} lines: {taken:,} records {did}, {self.refused:,} not, {self.blank:,} blank"]
        parts += [f"  {tenant}: {count:,}" for tenant, count in sorted(self.taken.items())]
        if self.created:
            parts.append(f"Tenants {'registered' if self.applied else 'to be registered'}: {', '.join(self.created)}")
        if self.repaired:
            parts.append("Read in another form than written:")
            parts += [f"  {what}: {count:,}" for what, count in self.repaired.most_common()]
        if self.unknown:
            parts.append("Fields that no record has, left out:")
            parts += [f"  {name}: {count:,}" for name, count in self.unknown.most_common(50)]
        if self.not_taken:
            parts.append("Not taken:")
            parts += [f"  {place}  {why}" for place, why in self.not_taken]
            if self.refused > len(self.not_taken):
                parts.append(f"  and {self.refused - len(self.not_taken):,} more")
        if not self.applied:
            parts.append("Nothing was stored; --apply stores it.")
        return "\n".join(parts)
