"""Every answer to a record has one fate: it is stored, waits in the spool, or is put aside as a dead letter."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Tenant, eventually
from gateway import Gateway, Record, Reply, problem

import ringfence

OUTAGE = problem(503, "storage-unavailable")
ABOUT_A_RECORD = [
    (400, "bad-request"), (409, "conflict"), (410, "pruned"), (413, "body-too-large"), (415, "unsupported-encoding"),
    (422, "invalid-request"), (431, "head-too-large"),
]  # fmt: skip


@pytest.fixture
def audit(gateway: Gateway, tenant: Tenant, spool: Path) -> Iterator[ringfence.Client]:
    """A client of the gateway."""
    with ringfence.Client(gateway.url, tenant.key, spool=spool) as client:
        yield client


def spooled(audit: ringfence.Client, gateway: Gateway, *agents: str) -> list[str]:
    """Spool a record of each agent, and return their ids."""
    gateway.always(OUTAGE)
    return [audit.record(agent, status="success") for agent in agents]


@pytest.mark.parametrize(("status", "kind"), ABOUT_A_RECORD)
def test_a_refusal_in_a_replay_puts_the_one_record_aside_and_holds_up_no_other(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, status: int, kind: str
) -> None:
    first, second, bad, third = spooled(audit, gateway, "kyc", "kyc", "bad", "kyc")
    gateway.refuse("bad", problem(status, kind))

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == [first, second, third]
    (letter,) = audit.dead_letters()
    assert (letter.id, letter.reason) == (bad, f"{status} {kind}: as the test says")


@pytest.mark.parametrize(("status", "kind"), ABOUT_A_RECORD)
def test_a_refusal_of_a_queued_record_is_told_and_puts_it_aside(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, status: int, kind: str
) -> None:
    gateway.refuse("bad", problem(status, kind))
    first, bad, second = (audit.enqueue(agent, status="success") for agent in ("kyc", "bad", "kyc"))

    with pytest.raises(ringfence.Problem, match=kind):
        audit.flush()
    audit.flush()
    assert tenant.ids() == [first, second]
    assert [letter.id for letter in audit.dead_letters()] == [bad]


@pytest.mark.parametrize("reply", [problem(413, "body-too-large"), problem(422, "invalid-request")])
def test_a_batch_that_is_too_large_is_halved_until_it_passes(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, reply: Reply
) -> None:
    written = spooled(audit, gateway, *["kyc"] * 20)
    gateway.answer = lambda records: reply if len(records) > 3 else None

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == written
    assert audit.dead_letters() == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 507])
def test_a_record_that_may_be_sent_again_waits_in_the_spool(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, status: int
) -> None:
    gateway.always(problem(status, "busy"))
    written = [audit.record("kyc", status="success")]
    eventually(lambda: len(gateway.requests) >= 2)  # in the replay too
    written.append(audit.enqueue("kyc", status="success"))
    audit.flush()
    assert audit.spooled == 2
    gateway.always(None)

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == written
    assert audit.dead_letters() == []


@pytest.mark.parametrize(("status", "kind"), [(401, "unauthenticated"), (403, "scope-missing")])
def test_a_refused_key_throws_no_record_away_and_goes_on_once_it_is_mended(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, status: int, kind: str
) -> None:
    written = spooled(audit, gateway, "kyc", "loan")
    gateway.always(problem(status, kind))
    eventually(lambda: audit._delivery.backlog.refusal is not None)
    with pytest.raises(ringfence.Problem, match=kind), audit.execution("next"):
        pytest.fail("the work began")
    assert (audit.spooled, audit.dead_letters()) == (2, [])
    gateway.always(None)

    eventually(lambda: audit.spooled == 0 and audit._delivery.backlog.refusal is None)
    written.append(audit.record("next", status="success"))
    assert tenant.ids() == written


def test_a_key_that_is_mended_lets_work_begin_before_the_spool_is_empty(
    audit: ringfence.Client, gateway: Gateway
) -> None:
    spooled(audit, gateway, "kyc", "loan")
    gateway.always(problem(401, "unauthenticated"))
    eventually(lambda: audit._delivery.backlog.refusal is not None)

    def one_by_one_and_no_loan(records: list[Record]) -> Reply | None:
        if len(records) > 1:
            return problem(413, "body-too-large")
        return OUTAGE if records[0]["agent_id"] == "loan" else None

    gateway.answer = one_by_one_and_no_loan
    eventually(lambda: audit.spooled == 1)
    audit.record("next", status="success")
    assert audit.spooled == 2


def test_a_record_that_is_refused_at_once_is_told_and_not_kept(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant
) -> None:
    gateway.always(problem(413, "body-too-large"))
    with pytest.raises(ringfence.Problem, match="body-too-large"), audit.execution("kyc"):
        pytest.fail("the work began")
    assert (audit.spooled, audit.dead_letters()) == (0, [])
    gateway.always(None)
    with audit.execution("kyc"):
        pass
    assert tenant.records() == [("started",), ("success",)]


def test_an_outcome_that_is_refused_is_told_and_put_aside(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant
) -> None:
    with pytest.raises(ringfence.OutcomeNotRecorded, match="body-too-large"), audit.execution("kyc"):
        gateway.always(problem(413, "body-too-large"))
    (letter,) = audit.dead_letters()
    gateway.always(None)
    audit.resend(letter)

    eventually(lambda: audit.spooled == 0)
    assert tenant.records() == [("started",), ("success",)]


def test_a_dead_letter_that_is_sent_again_is_stored(audit: ringfence.Client, gateway: Gateway, tenant: Tenant) -> None:
    bad, good = spooled(audit, gateway, "bad", "kyc")
    gateway.refuse("bad", problem(413, "body-too-large"))
    eventually(lambda: audit.spooled == 0)
    (letter,) = audit.dead_letters()
    gateway.always(None)
    audit.resend(letter)

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == [good, bad]
    assert audit.dead_letters() == []
    with pytest.raises(ValueError, match="no such dead letter"):
        audit.resend(letter)


def test_a_dead_letter_that_is_refused_again_is_one_again(audit: ringfence.Client, gateway: Gateway) -> None:
    (bad,) = spooled(audit, gateway, "bad")
    for reason in ("body-too-large", "bad-request"):
        gateway.always(problem(413, reason))
        (letter,) = eventually(audit.dead_letters)
        assert (letter.id, letter.reason) == (bad, f"413 {reason}: as the test says")
        gateway.always(OUTAGE)
        audit.resend(letter)
        assert (audit.spooled, audit.dead_letters()) == (1, [])


def test_a_dead_letter_outlives_its_client_and_is_its_tenant_s_alone(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, another: Tenant, spool: Path
) -> None:
    (bad,) = spooled(audit, gateway, "bad")
    gateway.refuse("bad", problem(413, "body-too-large"))
    (letter,) = eventually(audit.dead_letters)
    audit.close()
    gateway.always(None)
    with ringfence.Client(gateway.url, another.key, spool=spool) as stranger:
        assert stranger.dead_letters() == []
        with pytest.raises(ValueError, match="no such dead letter"):
            stranger.resend(letter)
    with ringfence.Client(gateway.url, tenant.key, spool=spool) as later:
        later.resend(*later.dead_letters())
        eventually(lambda: later.spooled == 0)

    assert (tenant.ids(), another.ids()) == ([bad], [])


def test_a_dead_letter_shows_no_person_in_its_repr_and_none_is_logged(
    audit: ringfence.Client, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.always(OUTAGE)
    audit.record("kyc", status="success", user="jane-doe")
    gateway.always(problem(413, "body-too-large"))
    with caplog.at_level(logging.ERROR):
        (letter,) = eventually(audit.dead_letters)

    assert "jane-doe" in letter.record
    assert "jane-doe" not in repr(letter)
    eventually(lambda: "is a dead letter now: 413 body-too-large" in caplog.text)
    assert "jane-doe" not in caplog.text


def test_without_a_spool_a_record_that_is_refused_holds_up_no_other(gateway: Gateway, tenant: Tenant) -> None:
    gateway.refuse("bad", problem(413, "body-too-large"))
    with ringfence.Client(gateway.url, tenant.key, spool=False) as audit:
        first, _, second = (audit.enqueue(agent, status="success") for agent in ("kyc", "bad", "kyc"))
        with pytest.raises(ringfence.Problem, match="body-too-large"):
            audit.flush()
        assert audit.dead_letters() == []

    assert tenant.ids() == [first, second]


def test_two_clients_that_replay_one_record_put_it_aside_once(tenant: Tenant, gateway: Gateway, spool: Path) -> None:
    both_have_sent = threading.Barrier(2)

    def refuse_both(_: object) -> Reply:
        both_have_sent.wait(timeout=30)
        return problem(413, "body-too-large")

    with ringfence.Client(gateway.url, tenant.key, spool=spool, timeout=30) as one:
        (bad,) = spooled(one, gateway, "bad")
        gateway.answer = refuse_both
        with ringfence.Client(gateway.url, tenant.key, spool=spool, timeout=30) as other:
            eventually(lambda: not one._delivery.backlog.is_spooling and not other._delivery.backlog.is_spooling)
            assert [letter.id for letter in one.dead_letters()] == [bad]
