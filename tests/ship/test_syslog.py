"""Syslog over TLS: a batch is taken once its connection was read to the end; else it comes again, leaf by leaf."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.ship.batch import Batch, Destination, NotTaken
from app.ship.destinations import SyslogTable
from app.ship.feed import FeedFailed
from tests.ship.batches import BATCH, LINES, deliver
from tests.support.syslog_receiver import Fault, SyslogReceiver, make_certificate, receiving_syslog

NEXT = Batch("acme", BATCH.position, "1.5.0123456789abcdef", LINES[:1])
LARGE = Batch(
    "acme", "1.0", "1.20000.0123456789abcdef",
    tuple(b'{"epoch":1,"leaf_index":%d,"leaf_hash":"%064x","id":"a"}' % (leaf, leaf) for leaf in range(20_000)),
)  # fmt: skip


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[SyslogReceiver]:
    with receiving_syslog(tmp_path) as receiver:
        yield receiver


def syslog(receiver: SyslogReceiver, **more: object) -> Callable[[], Destination]:
    at = {"kind": "syslog", "host": "127.0.0.1", "port": receiver.port, "ca_file": receiver.ca_file, "seconds": 1}
    return SyslogTable.model_validate(at | more).destination


def test_each_line_is_a_message_with_its_time_its_position_and_its_leaf(receiver: SyslogReceiver) -> None:
    deliver(syslog(receiver))
    assert [each.text for each in receiver.taken] == list(LINES)
    assert [each.leaf for each in receiver.taken] == ["1.0.00", "1.1.01", "1.2.02", "1.3.b9144eb93d8cbf43"]
    assert {(each.tenant, each.position) for each in receiver.taken} == {("acme", BATCH.position)}
    assert [each.stamp for each in receiver.taken] == [
        "2026-11-22T19:49:00.650996Z", "-", "2026-02-03T04:05:06.789000Z", "2026-02-03T04:05:06.789012Z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    [
        Fault.RESET_AT_ONCE, Fault.RESET_IN_THE_MIDDLE, Fault.LEAVE_IN_THE_MIDDLE, Fault.CRASH_AT_THE_END, Fault.STALL,
    ],
)  # fmt: skip
def test_a_batch_that_was_not_read_to_its_end_comes_again_with_the_same_leaves(
    receiver: SyslogReceiver, fault: Fault
) -> None:
    for batch in (BATCH, LARGE):
        receiver.taken.clear()
        receiver.fail(fault)
        began = time.monotonic()
        with pytest.raises(NotTaken):
            deliver(syslog(receiver, seconds=1 if fault is Fault.STALL else 20), batch)
        assert time.monotonic() - began < 10
        receiver.released.set()
        deliver(syslog(receiver, seconds=20), batch)
        assert receiver.lines() == list(batch.lines)
        receiver.released.clear()


def test_a_line_that_names_no_leaf_is_not_sent(receiver: SyslogReceiver) -> None:
    with pytest.raises(FeedFailed, match="which leaf"):
        deliver(syslog(receiver), Batch("acme", "1.0", "1.1", (b'{"id":"a"}',)))
    assert not receiver.connections


def test_a_receiver_that_nobody_vouches_for_is_told_nothing(receiver: SyslogReceiver, tmp_path: Path) -> None:
    make_certificate(tmp_path, "another")
    with pytest.raises(NotTaken, match="SSLCertVerificationError"):
        deliver(syslog(receiver, ca_file=tmp_path / "another.pem"))
    with pytest.raises(NotTaken, match="SSLCertVerificationError"):
        deliver(syslog(receiver, host="localhost"))  # which its certificate does not name
    assert not receiver.taken


def test_a_receiver_that_is_not_there_is_tried_again(receiver: SyslogReceiver) -> None:
    with pytest.raises(NotTaken, match="ConnectionRefusedError"):
        deliver(syslog(receiver, port=1))


def test_a_receiver_that_never_answers_close_notify_gets_nothing_until_the_file_says_so(
    receiver: SyslogReceiver,
) -> None:
    receiver.says_close_notify = False
    for _ in range(2):
        with pytest.raises(NotTaken, match="nothing was sent: the receiver does not answer close_notify"):
            deliver(syslog(receiver))
    assert not receiver.taken
    deliver(syslog(receiver, close_notify=False))
    assert [each.text for each in receiver.taken] == list(LINES)


def test_a_receiver_that_stops_answering_close_notify_gets_a_batch_once(receiver: SyslogReceiver) -> None:
    async def send() -> None:
        destination = syslog(receiver)()
        await destination.send(BATCH)
        receiver.says_close_notify = False
        with pytest.raises(NotTaken, match="the connection ended without a close_notify"):
            await destination.send(NEXT)
        for _ in range(3):
            with pytest.raises(NotTaken, match="nothing was sent"):
                await destination.send(NEXT)
        receiver.says_close_notify = True
        await destination.send(NEXT)

    asyncio.run(send())
    assert [each.text for each in receiver.taken] == [*LINES, *LINES[:1], *LINES[:1]]


def test_a_receiver_that_answers_is_asked_before_the_first_batch_alone(receiver: SyslogReceiver) -> None:
    async def send() -> None:
        destination = syslog(receiver)()
        await destination.send(BATCH)
        await destination.send(NEXT)

    asyncio.run(send())
    assert receiver.connections == 3


@pytest.mark.parametrize(
    "fault", [Fault.RESET_AT_ONCE, Fault.RESET_IN_THE_MIDDLE, Fault.LEAVE_IN_THE_MIDDLE, Fault.STALL]
)
def test_where_close_notify_is_not_asked_for_a_reset_is_still_not_taken(receiver: SyslogReceiver, fault: Fault) -> None:
    receiver.fail(fault)
    with pytest.raises(NotTaken):
        deliver(syslog(receiver, close_notify=False), LARGE)


@pytest.mark.parametrize("close_notify", [True, False])
def test_a_receiver_that_refuses_the_certificate_of_the_shipper_has_taken_nothing(
    receiver: SyslogReceiver, *, close_notify: bool
) -> None:
    receiver.wants_certificate()
    for _ in range(40):  # its alert comes before or after our close_notify, or a reset comes instead
        with pytest.raises(NotTaken):
            deliver(syslog(receiver, close_notify=close_notify))
    assert not receiver.taken
    own = {"certificate_file": receiver.ca_file, "key_file": receiver.ca_file.with_suffix(".key")}
    deliver(syslog(receiver, close_notify=close_notify, **own))
    assert receiver.lines() == list(LINES)
