"""Events of OCSF and CloudEvents, as the database makes them of records."""

import json
from datetime import datetime
from typing import Any

from psycopg import Connection

COLUMNS = (
    "id", "trace_id", "tenant_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error",
    "created_at", "recorded_at", "api_key_id", "context",
)  # fmt: skip
"""Of audit.listed_audit_log, in its order."""
SEALED_EVENTS = (
    "SELECT audit.ocsf_event(ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status,"
    "  l.latency_ms, l.user_id, l.error, l.created_at, l.recorded_at, l.api_key_id, l.context::text"
    ")::audit.listed_audit_log, s.epoch, s.leaf_index, s.leaf_hash), s.leaf_hash"
    " FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.record_id = l.id AND s.tenant_id = l.tenant_id"
)
"""The event of OCSF of each sealed record, and the hash of its leaf."""

Event = dict[str, Any]


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(members)) == len(members), f"a name twice: {members}"
    return dict(members)


def parsed(line: str) -> Event:
    """Return an event from its line; fail if the feed could not carry the line, or a name comes twice."""
    assert "\n" not in line
    assert "\r" not in line
    event = json.loads(line, object_pairs_hook=_unique)
    assert isinstance(event, dict)
    return event


def event_of(
    connection: Connection[Any], function: str, record: dict[str, Any], epoch: int, leaf_index: int, leaf_hash: bytes
) -> Event:
    """Return what a function of the feed makes of a record, with None for what the record does not say."""
    call = (
        f"SELECT audit.{function}(p_record => ROW({', '.join(['%s'] * len(COLUMNS))})::audit.listed_audit_log,"
        " p_epoch => %s, p_leaf_index => %s, p_leaf_hash => %s)"
    )
    values = [*(record.get(name) for name in COLUMNS), epoch, leaf_index, leaf_hash]
    row = connection.execute(call.encode(), values).fetchone()
    assert row is not None
    return parsed(row[0])


def as_listed(time: datetime) -> str:
    """Return a time as lists and events have it: in UTC, with six digits."""
    return f"{time:%Y-%m-%dT%H:%M:%S.%fZ}"
