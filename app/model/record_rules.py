"""What the database refuses by constraint, for the file, which enforces nothing. A test keeps the two equal."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.model.refusals import InvalidRequest


def _size(least: int, most: int) -> tuple[Callable[[Any], bool], str]:
    return lambda text: least <= len(text) <= most, f"{least:,} to {most:,} characters."


def _one_of(words: set[str]) -> Callable[[Any], bool]:
    return lambda word: word in words


COLUMNS = (
    "id", "trace_id", "tenant_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MODES = {"DRY_RUN", "LIVE"}
STATUSES = {"started", "success", "error", "denied"}
# In the order in which PostgreSQL looks at them: the constraints' names.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "agent_id": _size(1, 128),
    "error": _size(1, 2000),
    "http_status": (lambda status: 100 <= status <= 599, "100 to 599."),
    "latency_ms": (lambda latency: latency >= 0, "Not negative."),
    "mode": (_one_of(MODES), "DRY_RUN or LIVE; unknown in imported history."),
    "status": (_one_of(STATUSES), "started, success, error or denied; unknown in imported history."),
    "trace_id": _size(1, 128),
    "user_id": _size(1, 256),
}


def as_stored(tenant_id: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with all of its columns but created_at, in their order."""
    return {name: tenant_id if name == "tenant_id" else sent.get(name) for name in COLUMNS} | {"id": str(sent["id"])}


def refuse_broken_rule(record: Mapping[str, Any]) -> None:
    """Refuse what a CHECK of db/schema would refuse, in its words. Raises InvalidRequest."""
    for field, (allows, rule) in _RULES.items():
        if record[field] is not None and not allows(record[field]):
            raise InvalidRequest.field(field, rule)


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


def refuse_unstorable(values: Mapping[str, Any]) -> None:
    """Refuse the first value that PostgreSQL has no form for, by its name. Raises InvalidRequest."""
    for name, value in values.items():
        if isinstance(value, str):
            refuse_unstorable_text(name, value)
    for name, value in values.items():
        if isinstance(value, int):
            refuse_unstorable_number(name, value)


def refuse_unstorable_text(name: str, text: str) -> None:
    """Refuse a text that UTF-8 or PostgreSQL has no form for: lone surrogates, and NUL. Raises InvalidRequest."""
    if "\0" in text:
        raise InvalidRequest.field(name, "a text holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest.field(name, "a text is not valid Unicode") from None


def refuse_unstorable_number(name: str, number: int) -> None:
    """Refuse a number that is no `integer` of PostgreSQL. Raises InvalidRequest."""
    if not -(2**31) <= number < 2**31:
        raise InvalidRequest.field(name, "integer out of range")
