"""Splunk: what is acknowledged is taken, and nothing else."""

import time
from collections.abc import Callable, Iterator

import pytest

from app.outside import make_client
from app.ship.batch import Destination, NotTaken
from app.ship.splunk import Splunk
from tests.ship.batches import LINES, deliver
from tests.support.receivers import TOKEN, Fault, SplunkReceiver, receiving


@pytest.fixture
def receiver() -> Iterator[SplunkReceiver]:
    with receiving(SplunkReceiver()) as receiver:
        yield receiver


def splunk(receiver: SplunkReceiver, ack_seconds: float = 20) -> Callable[[], Destination]:
    event = {"source": "ringfence", "sourcetype": "_json", "index": "audit"}
    return lambda: Splunk(make_client(), receiver.url, TOKEN, event, 1, ack_seconds)


def test_a_batch_is_taken_once_it_is_indexed(receiver: SplunkReceiver) -> None:
    deliver(splunk(receiver))
    assert [path.partition("?")[0] for path, _, _ in receiver.asked] == [
        "/services/collector/event", "/services/collector/ack", "/services/collector/ack",
    ]  # fmt: skip
    assert len(receiver.events) == len(LINES)


def test_an_event_is_the_line_with_the_time_of_its_record(receiver: SplunkReceiver) -> None:
    deliver(splunk(receiver))
    first, statement, ocsf, cloud_event = receiver.events
    rest = {"source": "ringfence", "sourcetype": "_json", "index": "audit"}
    assert first == {"time": "1795376940.650996", **rest, "event": {
        "epoch": 1, "leaf_index": 0, "leaf_hash": "00", "id": "a", "created_at": "2026-11-22T19:49:00.650996Z",
        "user_id": "jäne",
    }}  # fmt: skip
    assert "time" not in statement
    assert (ocsf["time"], cloud_event["time"]) == ("1770091506.789000", "1770091506.789012")


def test_what_has_arrived_and_is_not_indexed_is_not_taken(receiver: SplunkReceiver) -> None:
    receiver.when_asked = 1_000_000
    began = time.monotonic()
    with pytest.raises(NotTaken, match="not acknowledged within"):
        deliver(splunk(receiver, 0.5))
    assert time.monotonic() - began < 10
    assert not receiver.events


def test_a_token_without_acknowledgement_is_refused(receiver: SplunkReceiver) -> None:
    receiver.acknowledges = False
    with pytest.raises(NotTaken, match="switch indexer acknowledgement on"):
        deliver(splunk(receiver))


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.CLOSE, Fault.TAKE_AND_CLOSE, Fault.TAKE_AND_ANSWER_HALF])
def test_a_question_that_fails_is_asked_again_and_doubles_nothing(receiver: SplunkReceiver, fault: Fault) -> None:
    receiver.fail(Fault.NONE, fault)
    receiver.when_asked = 3
    deliver(splunk(receiver))
    assert len(receiver.events) == len(LINES)


@pytest.mark.parametrize(
    "fault", [Fault.REFUSE, Fault.REDIRECT, Fault.CLOSE, Fault.TAKE_AND_REFUSE, Fault.TAKE_AND_STALL]
)
def test_events_that_are_not_answered_with_success_are_not_taken(receiver: SplunkReceiver, fault: Fault) -> None:
    receiver.fail(fault)
    with pytest.raises(NotTaken) as refused:
        deliver(splunk(receiver))
    assert "secret" not in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert len(receiver.asked) == 1
