"""The other calls of the service answer on a cluster as they do on one server."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.citus.conftest import Distributed

INSERT = "SELECT audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'LIVE', p_status => %s)"


@pytest.fixture(scope="module", autouse=True)
def _two_records(distributed: Distributed) -> None:
    for status in ("success", "error"):
        distributed.keyed("acme", INSERT, status)


def answer(distributed: Distributed, call: str, *parameters: Any) -> Any:
    found = distributed.keyed("acme", f"SELECT {call}", *parameters)
    return json.loads(found) if isinstance(found, str) else found


def test_a_count_says_how_they_ended(distributed: Distributed) -> None:
    statuses = answer(distributed, "audit.count_audit_logs()")["statuses"]
    assert (statuses["success"], statuses["error"]) == (1, 1)


def test_a_list_with_two_filters_has_what_passes_both(distributed: Distributed) -> None:
    assert answer(distributed, "audit.list_audit_logs(p_agent_id => 'agent', p_status => 'error')")["count"] == 1


def test_the_overview_counts_the_records_of_each_hour(distributed: Distributed) -> None:
    hours = answer(distributed, "audit.summarize_audit_logs()")["hours"]
    assert sum(hour["records"] for hour in hours) == 2


def test_administrative_events_are_listed(distributed: Distributed) -> None:
    events = answer(distributed, "audit.list_admin_events()")["items"]
    assert {"tenant created", "api key issued"} <= {event["act"] for event in events}


def test_an_idempotency_key_is_claimed_once(distributed: Distributed) -> None:
    claim = "audit.claim_idempotency_key('a key', sha256('body'), 'answered')"
    assert [distributed.keyed("acme", f"SELECT {claim}") for _ in range(2)] == [None, "answered"]


def test_a_spooled_record_of_a_named_tenant_is_replayed_once(distributed: Distributed) -> None:
    record = {"id": str(uuid4()), "agent_id": "spooled", "mode": "LIVE", "status": "success"}
    line = json.dumps(record | {"tenant_id": "globex", "created_at": datetime.now(UTC).isoformat()})
    for _ in range(2):
        replay = ("SELECT audit.replay_audit_logs(%s)", [json.dumps([{"line": line}])])
        assert distributed.call("test_gateway", replay) == [None]
    listed = distributed.named("globex", "SELECT audit.list_audit_logs(p_agent_id => 'spooled')")
    assert json.loads(listed)["count"] == 1
