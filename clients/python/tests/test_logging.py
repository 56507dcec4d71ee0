"""docs/logging.md: the handler of the standard library's logging."""

import logging
from collections.abc import Iterator

import pytest
from conftest import Tenant

import ringfence
from ringfence.integrations.logging_handler import RingfenceHandler


@pytest.fixture
def log(audit: ringfence.Client) -> Iterator[logging.Logger]:
    logger = logging.getLogger("bank.loans")
    logger.setLevel(logging.INFO)
    handler = RingfenceHandler(audit, "loans")
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def test_a_log_call_that_says_so_becomes_a_record(log: logging.Logger, audit: ringfence.Client, tenant: Tenant) -> None:
    about = {"status": "denied", "user": "jane", "context": {"event": "loan.refused"}}
    log.info("refused %s", "jane", extra={"ringfence": about})
    log.info("nothing for the trail about jane")
    audit.flush()

    columns = "agent_id, status, user_id, mode, error, context::text"
    assert tenant.records(columns) == [("loans", "denied", "jane", "LIVE", None, '{"event":"loan.refused"}')]


def test_level_and_exception_are_the_outcome(log: logging.Logger, audit: ringfence.Client, tenant: Tenant) -> None:
    log.info("done", extra={"ringfence": {}})
    try:
        raise KeyError("jane")
    except KeyError:
        log.exception("failed", extra={"ringfence": {"agent": "scoring"}})
    audit.flush()

    assert tenant.records("agent_id, status, error") == [("loans", "success", None), ("scoring", "error", "KeyError")]


def test_what_cannot_be_recorded_raises_at_the_log_call(log: logging.Logger, audit: ringfence.Client) -> None:
    with pytest.raises(ValueError, match="status"):
        log.info("done", extra={"ringfence": {"status": "fine"}})
    audit.close()
    with pytest.raises(ringfence.NotRecorded):
        log.info("done", extra={"ringfence": {}})
