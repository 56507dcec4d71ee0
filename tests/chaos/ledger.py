"""What was sent, what was answered, and what the database must hold in the end."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

_TOLERANCE = timedelta(seconds=1)


class Answer(Enum):
    """An answer, as the caller may rely on it."""

    ACKNOWLEDGED = "acknowledged"
    SPOOLED = "acknowledged, over the spool"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Sent:
    """One record. trace_id: its own, by which it is found. live: it has a `started` record as well.

    record_id: None also where an acknowledgement names none, as for several records under one Idempotency-Key.
    """

    trace_id: str
    tenant: str
    user_id: str
    live: bool
    sent_at: datetime
    record_id: str | None = None
    answered_at: datetime | None = None
    answer: Answer = Answer.UNKNOWN


@dataclass
class Ledger:
    """All that was sent while one thing was broken.

    slowest: seconds of an answer. wrong: what must not be. late_until: until when the database may have written, by its
    own clock, what it had been sent before and what went over the spool meanwhile.
    """

    sent: dict[str, Sent] = field(default_factory=dict)
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)
    late_until: datetime | None = None

    def count(self, *answers: Answer) -> int:
        """Return how many records got one of these answers."""
        return sum(each.answer in answers for each in self.sent.values())


@dataclass(frozen=True)
class Verdict:
    """What the database holds of a ledger. The last five must be 0; findings: some of what is wrong, in words."""

    stored: int
    lost: int
    doubled: int
    elsewhere: int
    refused_but_stored: int
    changed: int
    findings: list[str]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not (
            self.lost or self.doubled or self.elsewhere or self.refused_but_stored or self.changed or self.findings
        )


def judge(ledger: Ledger, rows: list[tuple[Any, ...]]) -> Verdict:
    """Compare. rows: id, trace_id, tenant_id, user_id, status, created_at of every record that is stored."""
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[1]].append(row)
    lost = doubled = elsewhere = refused = changed = stored = 0
    findings = list(ledger.wrong)
    for each in ledger.sent.values():
        mine = found.pop(each.trace_id, [])
        states = Counter(row[4] for row in mine)
        stored += bool(mine)
        if max(states.values(), default=0) > 1:
            doubled += 1
            findings.append(f"doubled: {each}: {mine}")
        if any(row[2] != each.tenant for row in mine):
            elsewhere += 1
            findings.append(f"under another tenant: {each}: {mine}")
        if each.answer is Answer.REFUSED and mine:
            refused += 1
            findings.append(f"refused but stored: {each}: {mine}")
        if each.answer not in (Answer.ACKNOWLEDGED, Answer.SPOOLED):
            continue
        if not any(each.record_id in (None, str(row[0])) for row in mine) or (each.live and not states["started"]):
            lost += 1
            findings.append(f"lost: {each}: {mine}")
        if any(not _is_as_sent(each, row, ledger.late_until) for row in mine):
            changed += 1
            findings.append(f"changed: {each}: {mine}")
    for trace_id, others in found.items():
        findings.append(f"nobody sent {trace_id}: {others}")
    return Verdict(stored, lost, doubled, elsewhere, refused, changed, findings)


def _is_as_sent(each: Sent, row: tuple[Any, ...], late_until: datetime | None) -> bool:
    latest = each.answered_at
    if each.answer is Answer.SPOOLED and late_until is not None:
        latest = late_until
    assert latest
    return bool(row[3] == each.user_id and each.sent_at - _TOLERANCE <= row[5] <= latest + _TOLERANCE)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
