"""Something else than the service answers: nothing that it says counts as stored, and the URL is named."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Tenant, eventually
from gateway import LOGIN_PAGE, REDIRECT, Gateway, Reply, problem

import ringfence

WRONG = {
    "a redirect": REDIRECT,
    "a login page": LOGIN_PAGE,
    "another page": Reply(404, b"<html>"),
    "a refusal of a proxy's own": Reply(401, b"<html>"),
    "another service's JSON": Reply(201, b'{"ok": true}', "application/json"),
    "another path of the service": problem(404, "not-found"),
    "another method of the service": problem(405, "method-not-allowed"),
}
wrong = pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG.keys())


@pytest.fixture
def audit(gateway: Gateway, tenant: Tenant, spool: Path) -> Iterator[ringfence.Client]:
    """A client of the gateway."""
    with ringfence.Client(gateway.url, tenant.key, spool=spool) as client:
        yield client


@wrong
def test_a_wrong_url_is_an_error_at_first_use_that_names_it(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, spool: Path, reply: Reply
) -> None:
    gateway.always(reply)
    with pytest.raises(ringfence.NotTheService, match=gateway.url) as error, audit.execution("kyc"):
        pytest.fail("the work began")
    assert tenant.key not in str(error.value)
    assert not spool.exists()
    gateway.always(None)
    with audit.execution("kyc"):
        pass
    assert tenant.records() == [("started",), ("success",)]


@wrong
def test_a_page_in_the_place_of_a_service_that_was_known_is_an_outage_with_a_warning(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    written = [audit.record("kyc", status="success")]
    gateway.always(reply)
    with caplog.at_level(logging.WARNING):
        written += [audit.record("kyc", status="success") for _ in range(3)]
        eventually(lambda: len(gateway.requests) >= 4)  # in the replay too
    assert audit.spooled == 3
    assert caplog.text.count(f"records wait in the spool: the answer {reply.status} of {gateway.url}") == 1
    assert tenant.ids() == written[:1]
    gateway.always(None)

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == written
    assert audit.dead_letters() == []


@wrong
def test_a_wrong_url_loses_no_queued_record_and_takes_no_more(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    gateway.always(reply)
    written = audit.enqueue("kyc", status="success")
    audit.flush()
    with pytest.raises(ringfence.NotTheService, match=gateway.url):
        audit.enqueue("kyc", status="success")
    assert (audit.spooled, audit.dead_letters()) == (1, [])
    assert [record.levelname for record in caplog.records if gateway.url in record.message] == ["ERROR"]
    gateway.always(None)

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == [written]


def test_a_wrong_url_that_a_replay_finds_stops_new_work(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant
) -> None:
    gateway.always(problem(503, "storage-unavailable"))
    written = audit.record("kyc", status="success")
    gateway.always(LOGIN_PAGE)
    eventually(lambda: audit._delivery.backlog.refusal is not None)
    with pytest.raises(ringfence.NotTheService, match=gateway.url), audit.execution("kyc"):
        pytest.fail("the work began")
    gateway.always(None)

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == [written]


def test_an_outcome_is_kept_when_something_else_answers_meanwhile(
    audit: ringfence.Client, gateway: Gateway, tenant: Tenant
) -> None:
    with audit.execution("kyc"):
        gateway.always(LOGIN_PAGE)
    assert audit.spooled == 1
    gateway.always(None)

    eventually(lambda: audit.spooled == 0)
    assert tenant.records() == [("started",), ("success",)]


def test_an_outcome_is_kept_where_work_may_proceed_in_spite_of_a_wrong_url(
    gateway: Gateway, tenant: Tenant, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.always(LOGIN_PAGE)
    with ringfence.Client(gateway.url, tenant.key, spool=spool, unrecorded="proceed") as audit:
        with audit.execution("kyc"):
            pass
        assert audit.spooled == 1
        assert "work proceeds unrecorded" in caplog.text
        gateway.always(None)
        eventually(lambda: audit.spooled == 0)

    assert tenant.records() == [("success",)]


@pytest.mark.parametrize("reply", [REDIRECT, LOGIN_PAGE, Reply(200, b"{}", "application/json")])
def test_lists_and_exports_take_no_page_of_a_proxy_for_an_answer(
    audit: ringfence.Client, gateway: Gateway, reply: Reply
) -> None:
    audit.record("kyc", status="success", user="jane-doe")
    gateway.always(reply)
    for read in (audit.logs, audit.export, lambda **filters: audit.export_bytes("csv", **filters)):
        with pytest.raises(ringfence.NotTheService, match=gateway.url) as error:
            list(read(user="jane-doe"))
        assert "jane-doe" not in str(error.value)
    gateway.always(None)
    assert len(list(audit.logs(user="jane-doe"))) == len(list(audit.export(user="jane-doe"))) == 1
