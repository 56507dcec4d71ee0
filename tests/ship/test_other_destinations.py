"""Splunk and syslog behind the shipper: nothing lost or out of order; doubles where nobody can know, and named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ship.test_feed_again import prune
from tests.support.polling import eventually
from tests.support.receivers import TOKEN, SplunkReceiver, receiving
from tests.support.receivers import Fault as HttpFault
from tests.support.shippers import ShipperAt, Trail
from tests.support.syslog_receiver import Fault, SyslogReceiver, receiving_syslog


@pytest.fixture
def splunk(shipper: ShipperAt) -> Iterator[SplunkReceiver]:
    shipper.secrets["SPLUNK_TOKEN"] = TOKEN
    with receiving(SplunkReceiver()) as receiver:
        to = {"kind": "splunk", "url": receiver.url, "token": {"env": "SPLUNK_TOKEN"}, "seconds": 5, "ack_seconds": 2}
        shipper.destination("siem", to, limit=2)
        yield receiver


@pytest.fixture
def syslog(shipper: ShipperAt, tmp_path: Path) -> Iterator[SyslogReceiver]:
    with receiving_syslog(tmp_path) as receiver:
        to = {"kind": "syslog", "host": "127.0.0.1", "port": receiver.port, "ca_file": receiver.ca_file, "seconds": 5}
        shipper.destination("siem", to, limit=2)
        yield receiver


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [each["event"]["id"] for each in events]


def test_splunk_has_everything_in_order_and_its_position_moves_on_the_acknowledgement(
    trail: Trail, shipper: ShipperAt, splunk: SplunkReceiver
) -> None:
    trail.write(5)
    splunk.when_asked = 1_000_000
    done = shipper.once()
    assert done.returncode == 1
    assert "siem: not taken: not acknowledged within 2 seconds" in done.stderr
    assert TOKEN not in done.stderr
    assert shipper.standing()["position"] == "1.0"
    splunk.restart()
    splunk.when_asked = 1
    assert shipper.once().returncode == 0
    assert [each["event"] for each in splunk.events] == [json.loads(line) for line in trail.lines()]


def test_splunk_has_one_batch_twice_where_a_crash_came_before_the_acknowledgement(
    trail: Trail, shipper: ShipperAt, splunk: SplunkReceiver
) -> None:
    trail.write(5)
    splunk.fail(HttpFault.NONE, HttpFault.TAKE_AND_STALL)  # indexed, and nobody was told
    splunk.when_asked = 1
    with shipper.running() as (process, _):
        eventually(lambda: splunk.events)
        process.kill()
        process.wait()
    assert shipper.once().returncode == 0
    wanted = [json.loads(line)["id"] for line in trail.lines()]
    assert ids(splunk.events) == wanted[:2] + wanted


@pytest.mark.parametrize("fault", [Fault.RESET_AT_ONCE, Fault.RESET_IN_THE_MIDDLE])
def test_syslog_has_everything_in_order_and_doubles_have_the_same_leaves(
    trail: Trail, shipper: ShipperAt, syslog: SyslogReceiver, fault: Fault
) -> None:
    trail.write(5)
    syslog.fail(Fault.NONE, fault)
    with shipper.running():
        eventually(lambda: len(syslog.lines()) == 5)
    assert syslog.lines() == trail.lines()
    assert len(syslog.taken) == 5 + (fault is Fault.RESET_IN_THE_MIDDLE)


def test_syslog_lacks_nothing_where_a_record_was_pruned_between_two_tries(
    trail: Trail, shipper: ShipperAt, syslog: SyslogReceiver
) -> None:
    trail.write(4)
    pruned, *kept = trail.lines()
    syslog.fail(Fault.LEAVE_IN_THE_MIDDLE)
    assert shipper.once().returncode == 1
    prune(trail, 0)
    assert shipper.once().returncode == 0
    assert syslog.lines() == [pruned, *kept]


def test_syslog_has_one_batch_twice_where_a_crash_came_before_the_connection_was_closed(
    trail: Trail, shipper: ShipperAt, syslog: SyslogReceiver
) -> None:
    trail.write(5)
    syslog.fail(Fault.STALL_AT_THE_END)
    with shipper.running() as (process, _):
        eventually(lambda: len(syslog.taken) == 2)
        process.kill()
        process.wait()
    syslog.released.set()
    trail.write(1)
    assert shipper.once().returncode == 0
    assert syslog.lines() == trail.lines()
    assert [each.text for each in syslog.taken] == trail.lines()[:2] + trail.lines()
