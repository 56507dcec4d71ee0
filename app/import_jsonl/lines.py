"""One line of an old audit file: the record in it, or why it holds none.

Lenient where nothing is lost: fields may be missing, unknown or in any order, an unknown field may hold anything, and
times come in many forms. Strict where a guess would falsify the record: a missing tenant, agent, time or zone, and a
value of another type.
"""

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.import_jsonl.lenient_json import Broken, parse
from app.model.context import CONTEXT_NAMES, check_context
from app.model.record_checks import in_range, refuse_broken_rule
from app.model.refusals import InvalidRequest
from app.model.storable import refuse_unstorable

MAX_LINE_BYTES = 1_048_576
_TEXT, _NUMBER = (str, "no text"), (int, "no whole number")
_TYPES = {
    **dict.fromkeys(("trace_id", "agent_id", "mode", "status", "user_id", "error"), _TEXT),
    **dict.fromkeys(("http_status", "latency_ms"), _NUMBER),
}
_NAMES = ("id", "tenant_id", "created_at", "context", *_TYPES)
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# ISO 8601 in the basic or the extended form.
_TIME = re.compile(
    r"(?P<local>\d{4}-?\d\d-?\d\d[T ](?P<hour>\d\d):?\d\d(?::?(?P<second>\d\d)(?:[.,]\d{1,6}(?P<finer>\d*))?)?)"
    r"\s?(?P<zone>Z|UTC|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A number of this size or more counts this many units a second, so that any time up to the year 5138 is understood.
_UNITS = ((100_000_000_000_000, 1_000_000), (100_000_000_000, 1_000), (0, 1))


class NotTaken(Exception):
    """The line holds no record that can be stored. The message says why and repeats nothing of the line."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One record and its tenant.

    record: as audit.import_audit_log_batch() takes it; without an id where the line has none. unknown: names of fields
    that are left out. repaired: what was read in another form than written.
    """

    tenant: str
    record: dict[str, Any]
    unknown: tuple[str, ...]
    repaired: tuple[str, ...]


def read_line(text: bytes, zone: tzinfo | None) -> HistoryLine | None:
    """Read one line; None when it is blank. zone: of times that name none. Raises NotTaken."""
    text = text.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        return None
    if len(text) > MAX_LINE_BYTES:
        raise NotTaken(f"a line has at most {MAX_LINE_BYTES:,} bytes")
    try:
        value = parse(text)
    except json.JSONDecodeError as error:
        raise NotTaken(f"not JSON at character {error.pos}: {error.msg}") from None
    if not isinstance(value, dict):
        raise NotTaken("no JSON object")
    for name in _NAMES:
        if isinstance(content := value.get(name), Broken):
            raise NotTaken(f"{name}: {content.why}")
    repaired: list[str] = []
    record = _fields(value, repaired)
    tenant = value.get("tenant_id")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise NotTaken("tenant_id: is missing" if tenant is None else "tenant_id: no name of a tenant")
    try:
        created_at = _time(value.get("created_at"), zone, repaired)
        if value.get("id") is not None:
            record["id"] = _id(value["id"], repaired)
        # Left out where there is none: the id of a record that has none is made of what the record has.
        if value.get("context") is not None:
            record["context"] = _context(value["context"])
        refuse_unstorable(record)
        refuse_broken_rule(record)
    except InvalidRequest as refusal:
        raise NotTaken(refusal.detail) from None
    record["created_at"] = created_at
    return HistoryLine(tenant, record, tuple(name for name in value if name not in _NAMES), tuple(repaired))


def _fields(value: Mapping[str, Any], repaired: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, (kind, otherwise) in _TYPES.items():
        content = value.get(name)
        if content is not None and type(content) is not kind:
            raise NotTaken(f"{name}: {otherwise}")
        if content == "":  # other formats write an unknown value so
            repaired.append(f"{name} was empty")
            content = None
        record[name] = content
    if record["agent_id"] is None:
        raise NotTaken("agent_id: is missing")
    return record


def _context(value: Any) -> dict[str, Any]:
    """Return the context of a line. Raises NotTaken and InvalidRequest."""
    if not isinstance(value, dict):
        raise NotTaken("context: no JSON object")
    for name, content in value.items():
        if isinstance(content, Broken) and name in CONTEXT_NAMES:
            raise NotTaken(f"context.{name}: {content.why}")
    context = {name: float(each) if isinstance(each, Decimal) else each for name, each in value.items()}
    check_context(context)
    return context


def _id(value: object, repaired: list[str]) -> str:
    try:
        found = str(UUID(value if isinstance(value, str) else ""))
    except ValueError:
        raise NotTaken("id: no UUID") from None
    if found != value:
        repaired.append("id in another form")
    return found


def _time(value: object, zone: tzinfo | None, repaired: list[str]) -> str:
    """Return `value` as ISO 8601 in UTC with microseconds. Raises NotTaken and InvalidRequest."""
    if value is None:
        raise NotTaken("created_at: is missing")
    try:
        if isinstance(value, str):
            found = _from_text(value.strip().upper(), zone, repaired)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            found = _from_number(Decimal(value), repaired)
        else:
            raise NotTaken("created_at: no time")
    except ValueError:
        raise NotTaken("created_at: no time") from None
    except OverflowError:
        raise NotTaken("created_at: after the year 9999") from None
    return in_range(found).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _from_text(text: str, zone: tzinfo | None, repaired: list[str]) -> datetime:
    if not (match := _TIME.fullmatch(text)):
        raise ValueError
    if match["second"] == "60":
        raise NotTaken("created_at: a leap second, which cannot be stored")
    if match["hour"] == "24":
        raise NotTaken("created_at: hour 24, which no day has")
    if (match["finer"] or "").strip("0"):
        repaired.append("created_at finer than microseconds, cut off")
    basic = re.sub("[-:]", "", match["local"])
    if match["zone"]:
        return datetime.fromisoformat(basic + match["zone"].replace("UTC", "Z"))
    if zone is None:
        raise NotTaken("created_at: names no zone (--assume-zone names one for all)")
    found = datetime.fromisoformat(basic).replace(tzinfo=zone)
    _refuse_clock_change(found)
    repaired.append("created_at without a zone")
    return found


def _refuse_clock_change(local: datetime) -> None:
    """Refuse a local time that the clocks of its zone showed twice, or never. See PEP 495 for `fold`."""
    before, after = local.timestamp(), local.replace(fold=1).timestamp()
    if before < after:
        raise NotTaken(
            "created_at: ambiguous, since clocks were set back and showed this time twice; it has to name its offset"
        )
    if before > after:
        raise NotTaken("created_at: clocks were set forward and never showed this time; it has to name its offset")


def _from_number(value: Decimal, repaired: list[str]) -> datetime:
    """Read seconds, milliseconds or microseconds since 1970. The size of the number tells the unit."""
    if value < 0:
        raise NotTaken("created_at: before 1970")
    units_a_second = next(units for least, units in _UNITS if value >= least)
    microseconds = value * (1_000_000 // units_a_second)
    repaired.append("created_at as a number")
    if microseconds != round(microseconds):
        repaired.append("created_at finer than microseconds, rounded")
    return _EPOCH + timedelta(microseconds=round(microseconds))
