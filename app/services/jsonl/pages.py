"""One page of the audit file's records: filters, the time window, the order, and cursors as the database has them."""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from app.model.context import is_context, member_text
from app.model.query import ACTS, AdminEventsQuery, ListQuery
from app.model.record import MODES, STATUSES, Fields
from app.model.refusals import InvalidRequest
from app.model.storable import refuse_unstorable

Key = tuple[datetime, str]
"""What lists are in order of: created_at and id."""

_MAX_COUNTED = 1000
_MAX_AGENTS = 20
_EQUALITIES = {"agent_id", "trace_id", "user_id", "mode", "status", "http_status", "api_key_id"}
_WORDS = {
    "order": (("asc", "desc"), "order is asc or desc"),
    "mode": (MODES, "mode is DRY_RUN or LIVE"),
    "status": (STATUSES, "status is started, success, error or denied"),
    "act": (ACTS, "act is none that is recorded"),
}


def page_of(records: Iterable[Fields], tenant_id: str, query: ListQuery) -> str:
    """Return the page as JSON text, holding one page of `records`. Raises InvalidRequest for another list's cursor."""
    after = _position(tenant_id, query)
    is_descending = query.order == "desc"
    found = (
        (key, record)
        for key, record in _matching(records, tenant_id, query)
        if after is None or (key < after if is_descending else key > after)
    )
    choose = heapq.nlargest if is_descending else heapq.nsmallest
    page = choose(query.limit + 1, found, key=lambda item: item[0])
    cursor = _cursor(page[query.limit - 1][0], tenant_id, query) if len(page) > query.limit else None
    other_order = query.model_copy(update={"order": "asc" if is_descending else "desc"})
    previous = {"previous_cursor": _cursor(page[0][0], tenant_id, other_order) if page else None}
    return as_page([as_item(record) for _, record in page[: query.limit]], cursor, **previous)


def counts_of(records: Iterable[Fields], tenant_id: str, query: ListQuery) -> str:
    """Return how many records the filters find, and of which kinds, as audit.count_audit_logs() does."""
    found = heapq.nlargest(_MAX_COUNTED + 1, _matching(records, tenant_id, query), key=lambda item: item[0])
    counted = [record for _, record in found[:_MAX_COUNTED]]
    statuses, modes, agents = (
        Counter(record.get(name) for record in counted) for name in ("status", "mode", "agent_id")
    )
    outcomes = Counter((record["agent_id"], record.get("status")) for record in counted)
    most = sorted(agents.items(), key=lambda item: (-item[1], item[0]))[:_MAX_AGENTS]
    answer = {
        "count": len(counted),
        "is_complete": len(found) <= _MAX_COUNTED,
        "from": counted[-1]["created_at"] if counted else None,
        "statuses": {status: statuses[status] for status in STATUSES},
        "modes": {mode: modes[mode] for mode in MODES},
        "agents": [
            {"agent_id": agent, "count": count} | {status: outcomes[agent, status] for status in ("error", "denied")}
            for agent, count in most
        ],
    }
    return json.dumps(answer)


def as_item(record: Fields) -> Fields:
    """Return a record of the file as lists show it, with what only a database can add to it."""
    evidence = {"recorded_at": record["created_at"], "api_key_id": None, "context": record.get("context")}
    return {name: value for name, value in record.items() if name != "context"} | evidence


def as_page(items: list[Fields], cursor: str | None, **previous: str | None) -> str:
    """Return a page as JSON text. previous: its previous_cursor, which pages of events have none of."""
    more = {"has_more": cursor is not None}
    return json.dumps({"count": len(items), "items": items, "next_cursor": cursor, **previous, **more})


def refuse_invalid_query(query: ListQuery | AdminEventsQuery) -> None:
    """Refuse a query that the database would refuse, in the same words. Raises InvalidRequest."""
    values = query.parameters(set()) if isinstance(query, ListQuery) else query.model_dump()
    refuse_unstorable(values)
    if not 1 <= query.limit <= 1000:
        raise InvalidRequest.field("limit", "limit is a number from 1 to 1000")
    if context := values.get("context"):
        parts = {f"context.{name}": {name: value} for name, value in context.items()}
        for field, part in {**parts, "context": context}.items():
            if not is_context(part):
                raise InvalidRequest.field(field, "no record has such a context")
    for name, (words, rule) in _WORDS.items():
        if values.get(name) is not None and values[name] not in words:
            raise InvalidRequest.field(name, rule)


def _matching(records: Iterable[Fields], tenant_id: str, query: ListQuery) -> Iterator[tuple[Key, Fields]]:
    filters = query.model_dump(include=_EQUALITIES, exclude_none=True)
    context = query.context or {}
    start, end = query.start_time, query.end_time
    seen: set[str] = set()
    for record in records:
        if record["tenant_id"] != tenant_id or record["id"] in seen:
            continue
        seen.add(record["id"])
        time = datetime.fromisoformat(record["created_at"])
        if (
            (start is None or time >= start)
            and (end is None or time < end)
            and all(record.get(name) == value for name, value in filters.items())
            and all(_member(record, name) == value for name, value in context.items())
        ):
            yield (time, record["id"]), record


def _member(record: Fields, name: str) -> str | None:
    value = (record.get("context") or {}).get(name)
    return None if value is None else member_text(value)


def _position(tenant_id: str, query: ListQuery) -> Key | None:
    """Return the key of the last record before the page. Raises InvalidRequest for a cursor of another list."""
    if query.cursor is None:
        return None
    try:
        text, record_id, _ = query.cursor.split("_")
        key = datetime.fromisoformat(text), record_id
        if _cursor(key, tenant_id, query) == query.cursor:
            return key
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest.field("cursor", "the cursor does not belong to this list")


def _cursor(key: Key, tenant_id: str, query: ListQuery) -> str:
    # Guards against mistakes, as audit.page_cursor() does: a cursor belongs to one list.
    position = f"{key[0].astimezone(UTC):%Y%m%dT%H%M%S.%fZ}_{key[1]}"
    # A time is the same in any zone.
    filters = query.model_dump(exclude={"limit", "cursor", "tenant_id"})
    text = json.dumps([position, tenant_id, filters], default=lambda time: time.timestamp(), sort_keys=True)
    return f"{position}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
