"""A full spool: what the service refuses is put aside in it all the same, and holds up no other record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Tenant, eventually
from gateway import Gateway, Record, Reply, problem

import ringfence

OUTAGE = problem(503, "storage-unavailable")
REFUSED = 60


@pytest.fixture
def audit(gateway: Gateway, tenant: Tenant, spool: Path) -> Iterator[ringfence.Client]:
    """A client of the gateway, with a small spool."""
    with ringfence.Client(gateway.url, tenant.key, spool=spool, spool_max_bytes=131_072) as client:
        yield client


def fill(audit: ringfence.Client, agent: str) -> list[str]:
    """Spool records of an agent until the spool takes no more, and return their ids."""
    written: list[str] = []
    with pytest.raises(ringfence.NotRecorded, match="the spool is full"):
        while True:
            written.append(audit.record(agent, status="success", error="x" * 200))
    return written


def refuse_each(records: list[Record], detail: str = "another record has this id") -> Reply | None:
    """Refuse the first record of the agent bad, by its place, as the service does."""
    for place, record in enumerate(records):
        if record["agent_id"] == "bad":
            errors = [{"index": place, "field": "id", "detail": "is taken"}]
            body = {"type": "urn:ringfence:problem:invalid-request", "detail": detail, "errors": errors}
            return Reply(422, json.dumps(body).encode(), "application/problem+json")
    return None


def test_a_full_spool_puts_each_refused_record_aside_and_sends_the_rest(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant
) -> None:
    gateway.always(OUTAGE)
    bad = [audit.record("bad", status="success", error="x" * 200) for _ in range(REFUSED)]
    good = fill(audit, "kyc")
    gateway.answer = refuse_each

    eventually(lambda: audit.spooled == 0)
    assert [letter.id for letter in audit.dead_letters()] == bad
    assert tenant.ids() == good


def test_a_spool_that_is_full_of_dead_letters_takes_no_more_until_they_are_sent(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant
) -> None:
    gateway.always(OUTAGE)
    bad = fill(audit, "bad")
    gateway.answer = refuse_each
    eventually(lambda: audit.spooled == 0)
    gateway.always(OUTAGE)
    with pytest.raises(ringfence.NotRecorded, match="the spool is full"), audit.execution("kyc"):
        pytest.fail("the work began")

    for letter in audit.dead_letters():
        audit.resend(letter)
    gateway.always(None)
    eventually(lambda: audit.spooled == 0)
    gateway.always(OUTAGE)
    audit.record("kyc", status="success")
    assert audit.spooled == 1
    assert sorted(tenant.ids()) == sorted(bad)


def test_what_the_dead_letters_needed_beyond_the_limit_is_no_room_for_records(
    audit: ringfence.Client, gateway: Gateway
) -> None:
    gateway.always(OUTAGE)
    first = fill(audit, "bad")
    gateway.answer = refuse_each
    eventually(lambda: audit.spooled == 0)
    for letter in audit.dead_letters():
        audit.resend(letter)
    gateway.always(None)
    eventually(lambda: audit.spooled == 0)

    gateway.always(OUTAGE)
    assert len(fill(audit, "bad")) <= len(first)


def test_the_reason_of_a_dead_letter_is_cut(audit: ringfence.Client, gateway: Gateway) -> None:
    gateway.always(OUTAGE)
    audit.record("bad", status="success")
    gateway.answer = lambda records: refuse_each(records, "long" * 1000)

    (letter,) = eventually(audit.dead_letters)
    assert letter.reason.startswith("422 invalid-request: longlong")
    assert len(letter.reason) == 300
