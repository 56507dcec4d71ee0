"""The report: what happened, who has caught it, and whether that is what is demanded; a table for docs/tamper.md."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.support.pages import ROOT
from tests.tamper.case import Case, Kind

PAGE = ROOT / "docs" / "tamper.md"
_WRITTEN = re.compile("(<!-- Written by `make tamper`.*?-->\n).*?(<!-- End of what is written. -->)", re.DOTALL)
_HEADINGS = {
    Kind.ATTACK: "| attack | caught by | |",
    Kind.CONTROL: "| ordinary work | alarms | |",
    Kind.MISS: "| known miss | caught by | |",
}


@dataclass(frozen=True)
class Line:
    """One case, and what was found: who has caught something, and what they said."""

    case: Case
    found: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether it went as demanded."""
        if self.case.kind is Kind.ATTACK:
            return bool(self.case.by) and set(self.case.by) <= self.found.keys()
        return not self.found

    def status(self) -> str:
        """Return it in a word."""
        good = {Kind.ATTACK: "caught", Kind.CONTROL: "silent", Kind.MISS: "missed, as said"}
        bad = {Kind.ATTACK: "**not caught**", Kind.CONTROL: "**false alarm**", Kind.MISS: "**caught, so no miss**"}
        return (good if self.is_good else bad)[self.case.kind]

    def catchers(self) -> str:
        """Return who has caught it: the claims of the verifier, then the others."""
        claims = [name.removeprefix("verifier: ") for name in self.found if name.startswith("verifier: ")]
        verifier = [f"verifier ({', '.join(sorted(claims))})"] if claims else []
        others = sorted(name for name in self.found if not name.startswith("verifier: "))
        return "; ".join([*verifier, *others]) or "none"

    def missing(self) -> list[str]:
        """Return who should have caught an attack and has not."""
        return [name for name in self.case.by if name not in self.found] if self.case.kind is Kind.ATTACK else []


def tables(lines: Sequence[Line]) -> str:
    """Return a table for each kind, in Markdown."""
    parts = []
    for kind, heading in _HEADINGS.items():
        of_kind = [line for line in lines if line.case.kind is kind]
        rows = [f"| {line.case.name} | {line.catchers()} | {line.status()} |" for line in of_kind]
        if rows:
            parts.append("\n".join([heading, "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def write_page(lines: Sequence[Line]) -> None:
    """Put the tables where the page has the last ones."""
    text, replaced = _WRITTEN.subn(lambda found: f"{found[1]}\n{tables(lines)}\n\n{found[2]}", PAGE.read_text())
    if replaced != 1:
        raise ValueError(f"{PAGE} has no place for the tables")
    PAGE.write_text(text)


def names_on_page() -> dict[str, str]:
    """Return {name: heading of its table} of each line of the page."""
    found: dict[str, str] = {}
    heading = ""
    written = _WRITTEN.search(PAGE.read_text())
    assert written is not None
    for line in written[0].splitlines():
        if line in _HEADINGS.values():
            heading = line
        elif line.startswith("| "):
            found[line.split(" | ")[0].removeprefix("| ")] = heading
    return found


def heading_of(case: Case) -> str:
    """Return the heading of the table that a case stands in."""
    return _HEADINGS[case.kind]
