"""An event of OCSF is valid by the published schema, says all that the record says, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from app.model.context import CONTEXT_NAMES, member_text
from tests.conftest import TestDatabase
from tests.feed.conftest import EPOCH, LEAF_HASH, LEAF_INDEX, MakeEvent, faults, validator
from tests.support.events import SEALED_EVENTS, Event, as_listed, parsed
from tests.support.odd_records import ANY, EXTREMES, FULL
from tests.support.polling import eventually

OCSF = validator("ocsf-1.9.0-api-activity.json")
CONTEXT_PLACES = {
    "gen_ai.agent.version": "ai_agent.version", "gen_ai.request.model": "ai_agent.ai_model.name",
    "gen_ai.tool.name": "api.service.name", "gen_ai.conversation.id": "message_context.uid",
    "event": "metadata.event_code", "resource": "resources.0.name",
    "policy_id": "actor.authorizations.0.policy.uid", "origin": "src_endpoint.name",
}  # fmt: skip
"""Where a name of a context goes. Every other is below unmapped."""


def at(event: Any, path: str) -> Any:
    """Return what stands at a path, None where nothing does."""
    for step in path.split("."):
        if isinstance(event, list):
            event = event[int(step)]
        elif event is not None:
            event = event.get(step)
    return event


def milliseconds(time: datetime | None) -> int | None:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) if time else None


def nulls(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (value is None) + sum(map(nulls, members))


def lost(record: dict[str, Any], event: Event) -> dict[str, Any]:
    """Return what a record says and its event does not, by name."""
    has_code = record.get("http_status") is not None
    latency = "http_response.latency" if has_code else "unmapped.latency_ms"
    places = {
        "id": "metadata.uid", "trace_id": "trace.uid", "tenant_id": "metadata.tenant_uid", "agent_id": "ai_agent.uid",
        "mode": "unmapped.mode", "status": "status_code", "http_status": "http_response.code", "latency_ms": latency,
        "user_id": "actor.user.uid", "error": "status_detail", "api_key_id": "actor.app_uid",
    }  # fmt: skip
    said: dict[str, tuple[Any, Any]] = {name: (record.get(name), at(event, place)) for name, place in places.items()}
    for moment, place in (("created_at", "time"), ("recorded_at", "metadata.logged_time")):
        said[moment] = milliseconds(record.get(moment)), at(event, place)
    said["original_time"] = as_listed(record["created_at"]), at(event, "metadata.original_time")
    context = json.loads(record.get("context") or "{}")
    unmapped = event.get("unmapped", {})
    for name, value in context.items():
        mapped = CONTEXT_PLACES.get(name)
        said[name] = (member_text(value), at(event, mapped)) if mapped else (value, unmapped.get(name))
    return {name: both for name, both in said.items() if both[0] != both[1]}


def test_a_record_of_each_kind_is_a_valid_event(make_event: MakeEvent) -> None:
    found = {kind: faults(OCSF, make_event("ocsf_event", record)) for kind, record in EXTREMES.items()}
    assert [each for each in found.items() if each[1]] == []


@given(record=ANY)
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_record_is_a_valid_event_that_loses_nothing(make_event: MakeEvent, record: dict[str, Any]) -> None:
    event = make_event("ocsf_event", record)
    assert faults(OCSF, event) == []
    assert lost(record, event) == {}
    assert nulls(event) == 0


def test_a_record_of_each_kind_loses_nothing(make_event: MakeEvent) -> None:
    comparable = {kind: record for kind, record in EXTREMES.items() if "jsonb" not in kind}
    found = {kind: lost(record, make_event("ocsf_event", record)) for kind, record in comparable.items()}
    assert [each for each in found.items() if each[1]] == []


def test_an_erased_record_says_nothing_of_the_person(make_event: MakeEvent) -> None:
    personal = {"user_id": "PERSON", "error": "PERSON", "context": json.dumps(dict.fromkeys(CONTEXT_NAMES, "PERSON"))}
    assert "PERSON" in json.dumps(make_event("ocsf_event", FULL | personal))
    event = make_event("ocsf_event", FULL | dict.fromkeys(personal))
    assert "PERSON" not in json.dumps(event)
    assert "user" not in event["actor"]
    assert not {"status_detail", "message_context", "resources"} & set(event)


def test_no_member_is_one_that_the_class_does_not_have(make_event: MakeEvent) -> None:
    event = make_event("ocsf_event", FULL)
    assert faults(OCSF, event) == []
    for place in (
        "",
        "metadata",
        "actor",
        "actor.user",
        "ai_agent",
        "ai_agent.ai_model",
        "api",
        "trace",
        "http_response",
    ):
        misspelled = json.loads(json.dumps(event))
        (at(misspelled, place) if place else misspelled)["sevrity"] = "x"
        assert faults(OCSF, misspelled) != [], place


@pytest.mark.parametrize("member", ["actor", "api", "metadata", "severity_id", "src_endpoint", "time", "type_uid"])
def test_the_schema_notices_that_a_member_is_missing(make_event: MakeEvent, member: str) -> None:
    event = make_event("ocsf_event", FULL)
    del event[member]
    assert faults(OCSF, event) != []


def test_the_type_follows_from_class_and_activity(make_event: MakeEvent) -> None:
    event = make_event("ocsf_event", FULL)
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]


def test_where_it_is_sealed(make_event: MakeEvent) -> None:
    event = make_event("ocsf_event", FULL)
    assert event["metadata"]["sequence"] == LEAF_INDEX
    (attestation,) = event["attestation_list"]
    assert (attestation["uid"], attestation["chain_uid"]) == (str(LEAF_INDEX), f"acme/{EPOCH}")
    assert attestation["fingerprint"]["value"] == LEAF_HASH.hex()


def test_records_that_the_table_took_and_sealed_are_valid_events_with_their_leaf(database: TestDatabase) -> None:
    columns = [name for name in FULL if name != "id"]
    insert = (
        f"INSERT INTO audit.audit_logs (id, {', '.join(columns)})"
        f" VALUES (gen_random_uuid(), {', '.join(['%s'] * len(columns))})"
    )
    records = [record | {"tenant_id": "acme"} for record in EXTREMES.values()]
    for record in records:
        database.execute(insert, *(record.get(name) for name in columns))

    def sealed() -> bool:  # other databases of the server may hold it back for a moment
        database.execute("SELECT audit.seal_records()")
        return database.execute("SELECT size FROM audit.trees WHERE tenant_id = 'acme'") == [(len(records),)]

    eventually(sealed)
    with psycopg.connect(database.url()) as gateway:
        gateway.execute("SELECT audit.set_tenant(p_tenant_id => 'acme')")
        rows = gateway.execute(SEALED_EVENTS).fetchall()
    events = [(parsed(line), leaf_hash) for line, leaf_hash in rows]
    assert {event["metadata"]["sequence"] for event, _ in events} == set(range(len(records)))
    for event, leaf_hash in events:
        assert faults(OCSF, event) == []
        assert event["attestation_list"][0]["fingerprint"]["value"] == leaf_hash.hex()
