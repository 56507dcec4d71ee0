"""Counts: of what the filters of a list find, the same in both stores, and no more than the newest thousand."""

import json
from contextlib import closing
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from app.model.credential import ApiKey, Credential, NamedTenant
from app.model.query import ListQuery
from app.model.record import Record
from app.model.refusals import RingfenceError
from app.model.uuid_v7 import uuid_v7
from app.services.audit_logger import AuditLogger
from app.services.batch import Batch
from app.services.db import Database
from app.services.postgres.store import DatabaseAuditLogger
from tests.conftest import TestDatabase

ACME = NamedTenant("acme")


def count(
    portal: BlockingPortal, store: AuditLogger, query: dict[str, Any], credential: Credential = ACME
) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(portal.call(store.count_logs, credential, ListQuery.model_validate(query)))
    return found


def first_time(portal: BlockingPortal, store: AuditLogger, query: dict[str, Any]) -> str | None:
    """Return the time of the first record that these filters find."""
    oldest_first = ListQuery.model_validate(query | {"order": "asc"})
    items = json.loads(portal.call(store.read_logs, ACME, oldest_first))["items"]
    return str(items[0]["created_at"]) if items else None


def record(**fields: Any) -> Record:
    values: dict[str, Any] = {"id": uuid_v7(), "agent_id": "a", "mode": "LIVE", "status": "success"}
    return Record(**values | fields)


def test_both_count_the_same(portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger]) -> None:
    records = [
        record(),
        record(agent_id="b", status="error", context={"event": "paid"}),
        record(agent_id="b", status="denied", mode="DRY_RUN"),
        record(agent_id="B", user_id="u", context={"event": "paid"}),
    ]
    for store in both:
        for each in records:
            portal.call(store.write_log, ACME, each)
        portal.call(store.write_log, NamedTenant("globex"), record())

    queries: list[tuple[dict[str, Any], int]] = [
        ({}, 4), ({"agent_id": "b"}, 2), ({"agent_id": "b", "status": "error"}, 1), ({"context.event": "paid"}, 2),
        ({"user_id": "nobody"}, 0), ({"start_time": "2100-01-01T00:00:00Z"}, 0), ({"order": "asc", "limit": 1}, 4),
    ]  # fmt: skip
    for query, counted in queries:
        in_database, in_file = (count(portal, store, query) for store in both)
        assert [in_database.pop("from"), in_file.pop("from")] == [first_time(portal, store, query) for store in both]
        assert list(in_database.items()) == list(in_file.items())
        assert (in_database["count"], in_database["is_complete"]) == (counted, True)
    assert count(portal, both[1], {}) | {"from": None} == {
        "count": 4,
        "is_complete": True,
        "from": None,
        "statuses": {"started": 0, "success": 2, "error": 1, "denied": 1},
        "modes": {"DRY_RUN": 1, "LIVE": 3},
        "agents": [
            {"agent_id": "b", "count": 2, "error": 1, "denied": 1},
            {"agent_id": "B", "count": 1, "error": 0, "denied": 0},
            {"agent_id": "a", "count": 1, "error": 0, "denied": 0},
        ],
    }


def test_both_count_the_newest_thousand(portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger]) -> None:
    for store in both:
        portal.call(store.write_log, ACME, record(agent_id="first", status="denied"))
        several = [record(agent_id=f"agent {number % 30}").fields() for number in range(999)]
        with closing(Batch("application/json")) as batch:
            batch.read_json(json.dumps(several).encode())
            portal.call(store.write_logs, ACME, batch, None)
        assert (count(portal, store, {})["count"], count(portal, store, {})["is_complete"]) == (1000, True)
        portal.call(store.write_log, ACME, record(agent_id="last"))

        found = count(portal, store, {})
        assert (found["count"], found["is_complete"], len(found["agents"])) == (1000, False, 20)
        assert (found["statuses"]["success"], found["statuses"]["denied"]) == (1000, 0)
        newest = json.loads(portal.call(store.read_logs, ACME, ListQuery(limit=1000)))
        assert found["from"] == newest["items"][-1]["created_at"]


@pytest.mark.parametrize(("field", "value"), [("mode", "live"), ("status", "failed")])
def test_both_refuse_the_same_filters(
    portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger], field: str, value: str
) -> None:
    refusals = []
    for store in both:
        with pytest.raises(RingfenceError) as refused:
            count(portal, store, {field: value})
        refusals.append((refused.value.kind, refused.value.errors))
    assert refusals[0] == refusals[1]
    assert [error["field"] for error in refusals[0][1] or []] == [field]


def test_a_key_counts_its_own_records(portal: BlockingPortal, database: TestDatabase) -> None:
    keys = [ApiKey(database.issue_api_key(tenant), None) for tenant in ("acme", "globex")]
    store = DatabaseAuditLogger(Database(database.url("audit_app"), pool_size=1, pool_timeout=5))
    portal.call(store.open)
    try:
        for _ in range(2):
            portal.call(store.write_log, keys[0], record())
        assert [count(portal, store, {}, key)["count"] for key in keys] == [2, 0]
        only_writes = ApiKey(database.issue_api_key("acme", "write"), None)
        with pytest.raises(RingfenceError) as refused:
            count(portal, store, {}, only_writes)
        assert refused.value.kind == "scope-missing"
    finally:
        portal.call(store.close)
