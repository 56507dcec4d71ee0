"""The file keeps the rules of the database: what one accepts the other accepts, and both refuse with the same words."""

import json
from typing import Any
from uuid import UUID

import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.model.context import CONTEXT_NAMES
from app.model.credential import NamedTenant
from app.model.query import ListQuery
from app.model.record import Record
from app.model.refusals import RingfenceError
from app.model.uuid_v7 import uuid_v7
from app.services.audit_logger import AuditLogger

Outcome = tuple[str, list[dict[str, str]]] | str


def outcome(portal: BlockingPortal, store: AuditLogger, tenant: str, record: Record) -> Outcome:
    """Write the record; return the tenant it was stored for, or the refusal's status and fields."""
    try:
        return portal.call(store.write_log, NamedTenant(tenant), record).tenant_id
    except RingfenceError as refusal:
        return refusal.kind, refusal.errors or []


def texts(most: int) -> st.SearchStrategy[str]:
    """Texts of any length around the limits, with whatever characters there are."""
    characters = st.characters() | st.sampled_from("\0\ud800\udfff\u2028😀é\n ")
    sized = st.sampled_from([0, 1, most - 1, most, most + 1]).flatmap(
        lambda size: st.sampled_from("x😀é").map(lambda character: character * size)
    )
    return st.text(characters, max_size=5) | sized


numbers = st.sampled_from([-(2**31) - 1, -(2**31), -1, 0, 99, 100, 599, 600, 2**31 - 1, 2**31, 2**63, 10**30])
words = st.sampled_from(["DRY_RUN", "LIVE", "live", "", "started", "success", "error", "denied", "done", "LIVE\0"])
VALID: dict[str, Any] = {"trace_id": "t", "agent_id": "a", "mode": "LIVE", "status": "error"}
names = st.sampled_from([*CONTEXT_NAMES, "Event", "event ", "", "event\0", "event\ud800", "tenant_id"])
values = (
    texts(200) | numbers | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([None, [], {}, ["a"], {"event": "a"}])
)  # fmt: skip
around_the_limit = st.integers(4070, 4100).flatmap(
    # {"event":""} takes twelve bytes, and the last letter one more than it would in ASCII.
    lambda size: st.sampled_from([{"event": "x" * (size - 12)}, {"event": "x" * (size - 14) + "é"}])
)
ANY: dict[str, st.SearchStrategy[Any]] = {
    "trace_id": texts(128),
    "agent_id": texts(128),
    "mode": words,
    "status": words,
    "user_id": st.none() | texts(256),
    "error": st.none() | texts(2000),
    "http_status": st.none() | numbers | st.integers(90, 610),
    "latency_ms": st.none() | numbers,
    "context": st.none() | st.dictionaries(names, values, max_size=5) | around_the_limit,
}
one_field = st.sampled_from(sorted(ANY)).flatmap(lambda name: st.fixed_dictionaries({name: ANY[name]}))
every_field = st.fixed_dictionaries(ANY)

BUDGET = settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])


@BUDGET
@given(fields=one_field.map(lambda changed: VALID | changed) | every_field)
def test_both_accept_a_record_or_refuse_it_with_the_same_words(
    portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger], fields: dict[str, Any]
) -> None:
    record = Record(id=uuid_v7(), **fields)

    in_database, in_file = (outcome(portal, store, "acme", record) for store in both)

    assert in_database == in_file


def test_what_both_accepted_both_give_back_the_same(
    portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger]
) -> None:
    for number in range(20):
        record = Record(
            id=uuid_v7(), trace_id=f"t{number} \u2028 😀 \"\\", agent_id="é" * 128, mode="LIVE", status="started",
            user_id="\n\t\x01\x7f", http_status=100 + number, latency_ms=2**31 - 1 - number, error="x" * 2000,
            context={"resource": "é😀\u2028\"\\/\x01", "event": 1.5, "origin": False, "approver": 10**30},
        )  # fmt: skip
        assert {outcome(portal, store, "acme", record) for store in both} == {"acme"}

    def listed(store: AuditLogger) -> list[dict[str, Any]]:
        found = json.loads(portal.call(store.read_logs, NamedTenant("acme"), ListQuery(limit=1000)))
        # Two clocks, and the role names its tenant: no key in the database either.
        return [{**item, "created_at": None, "recorded_at": None} for item in found["items"]]

    in_database, in_file = (listed(store) for store in both)
    assert len(in_database) == 20
    assert in_database == in_file


def test_both_find_the_same_records_by_their_context(
    portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger]
) -> None:
    contexts: list[dict[str, Any] | None] = [
        {"event": "1"}, {"event": 1}, {"event": 1.0}, {"event": True}, {"event": "é"}, {"event": "1", "origin": "a"},
        {}, None,
    ]  # fmt: skip
    for context in contexts:
        record = Record(id=uuid_v7(), **VALID, context=context)
        assert {outcome(portal, store, "acme", record) for store in both} == {"acme"}

    def found(store: AuditLogger, **filters: str) -> list[Any]:
        query = ListQuery.model_validate(
            {f"context.{name}": value for name, value in filters.items()} | {"order": "asc"}
        )
        return [
            item["context"] for item in json.loads(portal.call(store.read_logs, NamedTenant("acme"), query))["items"]
        ]

    for filters, expected in [
        ({}, contexts),
        ({"event": "1"}, [{"event": "1"}, {"event": 1}, {"event": "1", "origin": "a"}]),
        ({"event": "1.0"}, [{"event": 1.0}]),
        ({"event": "true"}, [{"event": True}]),
        ({"event": "é"}, [{"event": "é"}]),
        ({"event": "1", "origin": "a"}, [{"event": "1", "origin": "a"}]),
        ({"event": ""}, []),
        ({"approver": "a"}, []),
    ]:
        assert [found(store, **filters) for store in both] == [expected, expected], filters
    for filters, field in [
        ({"event": "x" * 4096}, "context.event"),
        ({"event": "x" * 3000, "origin": "x" * 3000}, "context"),
    ]:
        for store in both:
            with pytest.raises(RingfenceError) as refused:
                found(store, **filters)
            assert refused.value.errors == [{"field": field, "detail": "no record has such a context"}]


def test_a_record_written_twice_is_stored_once_by_both(
    portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger]
) -> None:
    record = Record(id=uuid_v7(), **VALID)
    for store in both:
        assert outcome(portal, store, "acme", record) == outcome(portal, store, "acme", record) == "acme"
        found = json.loads(portal.call(store.read_logs, NamedTenant("acme"), ListQuery()))
        assert [item["id"] for item in found["items"]] == [str(record.id)]


def test_another_record_under_the_same_id_is_refused_by_the_database(
    portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger]
) -> None:
    record_id: UUID = uuid_v7()
    assert outcome(portal, both[0], "acme", Record(id=record_id, **VALID)) == "acme"
    other = Record(id=record_id, **VALID | {"status": "success"})
    refused = outcome(portal, both[0], "acme", other)
    assert isinstance(refused, tuple)
    assert refused[0] == "invalid-request"
