"""One line of an old audit file: the record in it, or why there is none.

Lenient where nothing is lost by it (fields missing, unknown or in any order, whatever is in an unknown one, times in
many forms), and strict where a guess would falsify: no tenant, no agent, no time, no zone, a value of another type.
"""

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.import_jsonl.values import Broken, Members, parse
from app.model.record_checks import in_range, refuse_broken_rule, refuse_unstorable
from app.model.refusals import InvalidRequest

_TEXTS = ("trace_id", "agent_id", "mode", "status", "user_id", "error")
_NUMBERS = ("http_status", "latency_ms")
_NAMES = ("id", "tenant_id", "created_at", *_TEXTS, *_NUMBERS)
_KNOWN = frozenset(_NAMES)
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_TIME = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?\s?(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_MICROSECONDS = 253_402_300_800_000_000
_UNITS = ((1_000_000, 100_000_000_000_000), (1_000, 100_000_000_000), (1, 0))
MOST_LINE_BYTES = 1_048_576


class NotTaken(Exception):
    """The line holds no record that can be stored; the message says why, without what stands in it."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One record.

    tenant: whose it is. record: as audit.import_audit_logs() takes it; without an id where the line has none. unknown:
    names of fields that are left out. repaired: what was read in another form than written.
    """

    tenant: str
    record: dict[str, Any]
    unknown: tuple[str, ...] = ()
    repaired: tuple[str, ...] = field(default=())


def read_line(text: bytes, zone: tzinfo | None) -> HistoryLine | None:
    """Read one line; None when it is blank. zone: of times that name none. Raises NotTaken."""
    text = text.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        return None
    if len(text) > MOST_LINE_BYTES:
        raise NotTaken(f"a line has at most {MOST_LINE_BYTES:,} bytes")
    try:
        value = parse(text)
    except json.JSONDecodeError as error:
        raise NotTaken(f"not JSON at character {error.pos}: {error.msg}") from None
    if not isinstance(value, Members):
        raise NotTaken("no JSON object")
    _refuse_broken(value)
    repaired: list[str] = []
    record = _fields(value, repaired)
    tenant = value.get("tenant_id")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise NotTaken("tenant_id: is missing" if tenant is None else "tenant_id: no name of a tenant")
    created_at = _time(value.get("created_at"), zone, repaired)
    if value.get("id") is not None:
        record["id"] = _id(value["id"], repaired)
    try:
        refuse_unstorable(record)
        refuse_broken_rule(record)
    except InvalidRequest as refusal:
        raise NotTaken(refusal.detail) from None
    record["created_at"] = created_at
    return HistoryLine(tenant, record, tuple(name for name in value if name not in _KNOWN), tuple(repaired))


def _refuse_broken(value: Members) -> None:
    """Refuse a field that is kept and has no one value. What is left out may be anything. Raises NotTaken."""
    for name in _NAMES:
        if name in value.doubled:
            raise NotTaken(f"{name}: stands twice")
        if isinstance(content := value.get(name), Broken):
            raise NotTaken(f"{name}: {content.why}")


def _fields(value: Mapping[str, Any], repaired: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name in _TEXTS:
        content = value.get(name)
        if content is not None and not isinstance(content, str):
            raise NotTaken(f"{name}: no text")
        if content == "":  # what other formats write for an unknown value
            repaired.append(f"{name} was empty")
            content = None
        record[name] = content
    for name in _NUMBERS:
        content = value.get(name)
        if content is not None and type(content) is not int:
            raise NotTaken(f"{name}: no whole number")
        record[name] = content
    if record["agent_id"] is None:
        raise NotTaken("agent_id: is missing")
    return record


def _id(value: object, repaired: list[str]) -> str:
    try:
        if not isinstance(value, str):
            raise ValueError
        found = str(UUID(value))
    except ValueError:
        raise NotTaken("id: no UUID") from None
    if found != value:
        repaired.append("id in another form")
    return found


def _time(value: object, zone: tzinfo | None, repaired: list[str]) -> str:
    """Return `value` as ISO 8601 in UTC with microseconds."""
    if value is None:
        raise NotTaken("created_at: is missing")
    try:
        if isinstance(value, str):
            found = _from_text(value, zone, repaired)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            found = _from_number(Decimal(value), repaired)
        else:
            raise NotTaken("created_at: no time")
        return in_range(found).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except InvalidRequest as refusal:
        raise NotTaken(refusal.detail) from None
    except (ValueError, OverflowError):
        raise NotTaken("created_at: no time") from None


def _from_text(text: str, zone: tzinfo | None, repaired: list[str]) -> datetime:
    if not (match := _TIME.fullmatch(text.strip())):
        raise ValueError
    *date, hour, minute, second, fraction, offset = match.groups()
    if second == "60":
        raise NotTaken("created_at: a leap second, which cannot be stored")
    if hour == "24":
        raise NotTaken("created_at: hour 24, which no day has")
    if fraction is not None and fraction[6:].strip("0"):
        repaired.append("created_at finer than microseconds, cut off")
    if offset is None and zone is None:
        raise NotTaken("created_at: names no zone (--assume-zone names one for all)")
    year, month, day = map(int, date)
    microsecond = int(((fraction or "") + "000000")[:6])
    there = _zone(offset) if offset else zone
    found = datetime(year, month, day, int(hour), int(minute), int(second or 0), microsecond, there)
    if not offset:
        _refuse_clock_change(found)
        repaired.append("created_at without a zone")
    return found


def _refuse_clock_change(local: datetime) -> None:
    """Refuse a local time that the clocks of its zone showed twice, or never. See PEP 495 for `fold`."""
    before, after = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    if before > after:
        raise NotTaken(
            "created_at: ambiguous, since clocks were set back and showed this time twice; it has to name its offset"
        )
    if before < after:
        raise NotTaken("created_at: clocks were set forward and never showed this time; it has to name its offset")


def _zone(offset: str) -> tzinfo:
    if offset in ("Z", "z", "UTC"):
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 15 or minutes > 59:
        raise ValueError
    shift = timedelta(hours=hours, minutes=minutes)
    return timezone(-shift if offset[0] == "-" else shift)


def _from_number(value: Decimal, repaired: list[str]) -> datetime:
    """Seconds, milliseconds or microseconds since 1970: which, is told by the size, of any year up to 5138."""
    if value < 0:
        raise NotTaken("created_at: before 1970")
    if value >= _MOST_MICROSECONDS:
        raise NotTaken("created_at: after the year 9999")
    unit = next(unit for unit, least in _UNITS if value >= least)
    microseconds = value * (1_000_000 // unit)
    repaired.append("created_at as a number")
    if microseconds != round(microseconds):
        repaired.append("created_at finer than microseconds, rounded")
    return _EPOCH + timedelta(microseconds=round(microseconds))
