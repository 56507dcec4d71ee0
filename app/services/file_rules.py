"""What the database refuses by constraint, for the file, which enforces nothing. A test keeps the two equal."""

from collections.abc import Callable, Mapping
from typing import Any

from app.errors import InvalidRequest
from app.services.record_shapes import refuse_unstorable_text


def _size(least: int, most: int) -> tuple[Callable[[Any], bool], str]:
    return lambda text: least <= len(text) <= most, f"{least:,} to {most:,} characters."


def _one_of(words: set[str]) -> Callable[[Any], bool]:
    return lambda word: word in words


COLUMNS = (
    "id", "trace_id", "tenant_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error",
)  # fmt: skip
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


def refuse_unstorable(values: Mapping[str, Any]) -> None:
    """Refuse what PostgreSQL has no form for. Raises InvalidRequest, which names the field."""
    for name, value in values.items():
        if isinstance(value, str):
            refuse_unstorable_text(name, value)
    for name, value in values.items():
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            raise InvalidRequest.field(name, "integer out of range")
