"""What a record must be: the shape of one that another service sends, and the table's rules.

The rules are the database's CHECK constraints, repeated for stores that have none: the audit file and the spool.
tests/store/test_rules_agree.py holds the two equal.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.model.context import CONTEXT_NAMES, check_context, is_context
from app.model.record import MODES, NAMES, NUMBERS, STATUSES, Fields
from app.model.refusals import InvalidRequest
from app.model.storable import storage_fault

_TEXTS = frozenset(NAMES) - {*NUMBERS, "context"} | {"created_at"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# RFC 3339 with a zone that PostgreSQL knows; the last group is the part of the fraction that it does not keep.
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6}(\d*))?(?:[Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)", re.ASCII
)


def check_shape(record: Any, *, escapes: bool = True) -> bool:
    """Check that `record`, parsed from JSON, has the fields and types of a record. Return whether it was changed.

    It is changed where JSON has two forms of one value: 12.0 becomes 12, and an id of null is left out. A record with a
    context counts as changed: the text of a context is stored, and is to be that of app.model.strict_json.dump().
    escapes: whether the JSON text held a backslash; only then can a text hold what PostgreSQL cannot store. Written out
    instead of a Pydantic model, since it runs 100,000 times in one request. Raises InvalidRequest for the first wrong
    field.
    """
    if type(record) is not dict:
        raise InvalidRequest.field("body", "a record is a JSON object")
    is_changed = False
    for name, value in record.items():
        if name in _TEXTS:
            if value is None:
                continue
            if type(value) is not str:
                raise InvalidRequest.field(name, "a text is needed")
            if escapes and (fault := storage_fault(value)):
                raise InvalidRequest.field(name, fault)
        elif name in NUMBERS:
            if value is None:
                continue
            if type(value) is float and value.is_integer():
                record[name] = value = int(value)
                is_changed = True
            if type(value) is not int:
                raise InvalidRequest.field(name, "a whole number is needed")
            if fault := storage_fault(value):
                raise InvalidRequest.field(name, fault)
        elif name == "context":
            if value is None:
                continue
            check_context(value, escapes=escapes)
            is_changed = True
        else:
            # An unknown name may be anything, even a whole prompt.
            shown = name[:64].encode("ascii", "backslashreplace").decode()
            raise InvalidRequest.field(shown, "Extra inputs are not permitted")
    if (created_at := record.get("created_at")) is None:
        required: tuple[str, ...] = ("agent_id", "mode", "status")
    else:
        _check_instant(created_at)
        required = ("agent_id",)  # mode and status may be unknown in imported history
    for name in required:
        if record.get(name) is None:
            raise InvalidRequest.field(name, "is required")
    if (given := record.get("id")) is not None:
        check_uuid("id", given)
    elif "id" in record:
        del record["id"]
        is_changed = True
    return is_changed


def check_uuid(name: str, text: str) -> None:
    """Raise InvalidRequest unless `text` is a UUID in the form of RFC 9562."""
    if not _UUID.fullmatch(text):
        raise InvalidRequest.field(name, "a UUID is needed")


def _check_instant(text: str) -> None:
    try:
        if not (match := _INSTANT.fullmatch(text)):
            raise ValueError
        time = datetime.fromisoformat(text.upper())
    except ValueError:
        raise InvalidRequest.field("created_at", "an ISO 8601 date and time with a zone is needed") from None
    if (match[1] or "").strip("0"):
        raise InvalidRequest.field("created_at", "a fraction of a second has at most six digits")
    in_range(time)


def in_range(created_at: datetime) -> datetime:
    """Return `created_at` in UTC. Raises InvalidRequest for one that the CHECK on its column refuses."""
    try:
        in_utc = created_at.astimezone(UTC)
    except OverflowError:  # Python's years end with 1 and 9999 too
        in_utc = None
    if in_utc is None and created_at.year > _EPOCH.year:
        raise InvalidRequest.field("created_at", "after the year 9999")
    if in_utc is None or in_utc < _EPOCH:
        raise InvalidRequest.field("created_at", "before 1970")
    return in_utc


def _size(most: int) -> tuple[Callable[[Any], bool], str]:
    return lambda text: 1 <= len(text) <= most, f"1 to {most:,} characters."


# In the order in which PostgreSQL checks them: by the constraint's name.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "agent_id": _size(128),
    "context": (
        is_context,
        "A flat JSON object of at most 4,096 bytes, no name twice, values texts, numbers or booleans, names out of: "
        + f"{', '.join(CONTEXT_NAMES)}.",
    ),
    "error": _size(2000),
    "http_status": (lambda status: 100 <= status <= 599, "100 to 599."),
    "latency_ms": (lambda latency: latency >= 0, "Not negative."),
    "mode": (lambda mode: mode in MODES, "DRY_RUN or LIVE; unknown in imported history."),
    "status": (
        lambda status: status in STATUSES,
        "started, success, error or denied; unknown in imported history.",
    ),
    "trace_id": _size(128),
    "user_id": _size(256),
}


def refuse_broken_rule(record: Fields) -> None:
    """Refuse a record that a CHECK of audit.audit_logs would refuse, in the same words. Raises InvalidRequest."""
    for field, (allows, rule) in _RULES.items():
        if (value := record.get(field)) is not None and not allows(value):
            raise InvalidRequest.field(field, rule)
