"""An event of CloudEvents is valid by the published schema and the rules that no schema has, and carries the record."""

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from app.http.schemas import AuditRecord
from tests.feed.conftest import EPOCH, LEAF_HASH, LEAF_INDEX, MakeEvent, faults, validator
from tests.support.events import Event, as_listed
from tests.support.odd_records import ANY, EXTREMES, FULL, SPAN, TRACE

CLOUD_EVENT = validator("cloudevents-1.0.json")


def is_forbidden(character: str) -> bool:
    """Whether no attribute may hold it: a control character, or what Unicode calls no character."""
    code = ord(character)
    return unicodedata.category(character) == "Cc" or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def broken_rules(event: Event) -> list[str]:
    """Return the attributes that break a rule of CloudEvents 1.0: names, types, no null, no forbidden character."""
    attributes = {name: value for name, value in event.items() if name != "data"}
    return [
        name
        for name, value in attributes.items()
        if not re.fullmatch("[a-z0-9]{1,20}", name)
        or not isinstance(value, (str, int))
        or (isinstance(value, int) and not -(2**31) <= value < 2**31)
        or (isinstance(value, str) and (not value or any(map(is_forbidden, value))))
    ]


def listed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as a list shows it."""
    shown = {name: record.get(name) for name in AuditRecord.model_fields}
    for name in ("created_at", "recorded_at"):
        if (time := shown[name]) is not None:
            shown[name] = as_listed(time)
    shown["context"] = json.loads(record.get("context") or "null")
    return shown


def test_a_record_of_each_kind_is_a_valid_event(make_event: MakeEvent) -> None:
    events = {kind: make_event("cloud_event", record) for kind, record in EXTREMES.items()}
    found = {kind: faults(CLOUD_EVENT, event) + broken_rules(event) for kind, event in events.items()}
    assert [each for each in found.items() if each[1]] == []


@given(record=ANY)
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_record_is_a_valid_event_that_carries_it(make_event: MakeEvent, record: dict[str, Any]) -> None:
    event = make_event("cloud_event", record)
    assert faults(CLOUD_EVENT, event) == []
    assert broken_rules(event) == []
    assert event["data"] == listed(record)


def test_it_has_no_attribute_but_these(make_event: MakeEvent) -> None:
    event = make_event("cloud_event", FULL)
    data = event.pop("data")
    assert data == listed(FULL)
    assert event == {
        "specversion": "1.0",
        "id": FULL["id"],
        "source": "/tenants/acme",
        "type": "ringfence.execution.success",
        "subject": "kyc",
        "time": "2026-02-03T04:05:06.000007Z",
        "datacontenttype": "application/json",
        "traceid": TRACE,
        "traceparent": f"00-{TRACE}-{SPAN}-00",
        "leafepoch": EPOCH,
        "leafindex": str(LEAF_INDEX),
        "leafhash": LEAF_HASH.hex(),
    }


@pytest.mark.parametrize("member", ["id", "source", "specversion", "type"])
def test_the_schema_notices_that_an_attribute_is_missing(make_event: MakeEvent, member: str) -> None:
    event = make_event("cloud_event", FULL)
    del event[member]
    assert faults(CLOUD_EVENT, event) != []
