"""The shipper on a real service: every record once and in order, whatever ends in the middle."""

import json
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.chaos.service import free_port
from tests.support.polling import eventually
from tests.support.receivers import Fault, WebhookReceiver, receiving
from tests.support.shippers import ShipperAt, Trail


@pytest.mark.parametrize("form", ["ringfence", "ocsf", "cloudevents"])
def test_what_there_is_is_shipped_in_order_and_in_batches(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver, form: str
) -> None:
    trail.write(7)
    shipper.webhook(receiver.url, limit=3, format=form)
    assert shipper.once().returncode == 0
    assert [len(lines) for _, lines in receiver.taken] == [3, 3, 1]
    assert receiver.lines() == trail.lines(form)


def test_another_run_goes_on_where_the_last_one_ended(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(2)
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    assert shipper.once().returncode == 0
    trail.write(3)
    assert shipper.once().returncode == 0
    assert [len(lines) for _, lines in receiver.taken] == [2, 3]
    assert receiver.lines() == trail.lines()


def test_positions_are_for_their_owner_alone(trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver) -> None:
    trail.write(1)
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    assert (shipper.folder / "positions").stat().st_mode & 0o777 == 0o700
    assert (shipper.folder / "positions" / "siem.json").stat().st_mode & 0o777 == 0o600
    standing = shipper.standing()
    assert standing.keys() == {"position", "sending", "lines", "caught_up", "trail"}
    assert (standing["position"][:4], standing["sending"], standing["lines"]) == ("1.1.", None, 0)


def test_a_batch_that_a_crash_left_behind_comes_again_as_it_was(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(3)
    shipper.webhook(receiver.url)
    receiver.fail(Fault.TAKE_AND_STALL)
    with shipper.running() as (process, _):
        eventually(lambda: receiver.taken)
        process.kill()
        process.wait()
    assert shipper.standing()["lines"] == 3
    trail.write(2)  # which a batch that is cut anew would have, too
    assert shipper.once().returncode == 0
    (first, lines), (again, same), _ = receiver.taken
    assert (first, lines) == (again, same)
    assert receiver.lines() == trail.lines()


@pytest.mark.parametrize(
    "fault",
    [
        Fault.REFUSE, Fault.CLOSE, Fault.REDIRECT, Fault.TAKE_AND_REFUSE, Fault.TAKE_AND_CLOSE,
        Fault.TAKE_AND_ANSWER_HALF, Fault.TAKE_AND_ANSWER_TOO_MUCH,
    ],
)  # fmt: skip
def test_a_receiver_that_fails_gets_everything_in_the_end(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver, fault: Fault
) -> None:
    trail.write(5)
    shipper.webhook(receiver.url, limit=2)
    receiver.fail(fault, Fault.NONE, fault)
    with shipper.running() as (_, output):
        eventually(lambda: len(receiver.lines()) == 5)
        printed = output.read_text()
    assert receiver.lines() == trail.lines()
    assert "siem: not taken: " in printed
    assert "a secret of the receiver" not in printed


def test_a_batch_that_is_too_large_is_sent_in_parts_once_the_limit_is_lower(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(5)
    shipper.webhook(receiver.url, limit=5)
    receiver.fail(Fault.REFUSE)
    assert shipper.once().returncode == 1
    (shipper.folder / "destinations.toml").unlink()
    shipper.webhook(receiver.url, limit=2)
    assert shipper.once().returncode == 0
    assert [len(lines) for _, lines in receiver.taken] == [2, 2, 1]
    assert receiver.lines() == trail.lines()


def test_batches_that_are_cut_anew_come_again_in_order_with_the_ids_of_their_records(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    shipper.webhook(receiver.url)
    for records in (2, 3):
        trail.write(records)
        assert shipper.once().returncode == 0
    (shipper.folder / "positions" / "siem.json").unlink()
    trail.write(1)
    assert shipper.once().returncode == 0
    again = receiver.taken[2:]
    assert not {identity for identity, _ in again} & {identity for identity, _ in receiver.taken[:2]}
    assert [line for _, lines in again for line in lines] == trail.lines()
    by_id = {json.loads(line)["id"]: line for line in receiver.all_lines()}
    assert list(by_id.values()) == trail.lines()


def test_a_running_shipper_ships_what_is_written_and_stops_while_it_waits(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    shipper.webhook(receiver.url)
    with shipper.running() as (process, _):
        for number in (1, 2):
            trail.write(1)
            eventually(lambda number=number: len(receiver.taken) == number)  # type: ignore[misc]
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - began < 15  # a feed that is waited for may take thirty


def test_what_is_being_sent_is_finished_before_the_shipper_stops(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(3)
    shipper.webhook(receiver.url, to={"seconds": 60})
    receiver.fail(Fault.ANSWER_LATE)
    with shipper.running() as (process, _):
        eventually(lambda: receiver.taken)
        process.send_signal(signal.SIGTERM)
        threading.Timer(0.2, receiver.released.set).start()
        assert process.wait(30) == 0
    assert shipper.standing()["sending"] is None
    assert shipper.once().returncode == 0
    assert len(receiver.taken) == 1


def test_a_dead_destination_does_not_hold_up_others(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    shipper.webhook("http://127.0.0.1:1", name="dead")
    shipper.webhook(receiver.url)
    with shipper.running() as (_, output):
        for number in (1, 2, 3):
            trail.write(1)
            eventually(lambda number=number: len(receiver.lines()) == number)  # type: ignore[misc]
        eventually(lambda: "dead: not taken: ConnectError; again in" in output.read_text())
    assert shipper.standing("dead")["position"] == "1.0"


def test_a_receiver_that_was_away_gets_the_backlog_in_order(trail: Trail, shipper: ShipperAt) -> None:
    port = free_port()
    shipper.webhook(f"http://127.0.0.1:{port}", limit=100)
    with shipper.running() as (_, output):
        for _number in range(5):
            trail.write(300)
        eventually(lambda: output.read_text().count("siem: not taken: ConnectError") >= 3)
        with receiving(WebhookReceiver(), port) as receiver:
            eventually(lambda: len(receiver.lines()) == 1500)
    assert receiver.lines() == trail.lines()
    assert len(receiver.taken) == 15


def test_a_feed_that_was_restored_is_gone_on_with_where_it_says(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(3)
    shipper.webhook(receiver.url)
    (shipper.folder / "positions").mkdir()
    standing = {"position": f"1.2.{'0' * 16}", "sending": f"1.9.{'1' * 16}", "lines": 7}
    (shipper.folder / "positions" / "siem.json").write_text(json.dumps(standing))
    done = shipper.once()
    assert done.returncode == 0
    assert "the database was restored; going on after 1.0 instead of 1.2." in done.stderr
    assert receiver.lines() == trail.lines()


def test_a_key_of_another_tenant_ships_nothing(trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver) -> None:
    trail.write(1)
    shipper.webhook(receiver.url)
    shipper.secrets["ACME_READ_KEY"] = trail.database.issue_api_key("globex", "read")
    done = shipper.once()
    assert (done.returncode, receiver.asked) == (1, [])
    assert "siem: the feed cannot be read: answer 403" in done.stderr
    assert shipper.secrets["ACME_READ_KEY"] not in done.stderr


def test_a_second_shipper_on_the_same_directory_is_refused(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(1)
    shipper.webhook(receiver.url)
    with shipper.running():
        eventually(lambda: receiver.taken)
        done = shipper.once()
    assert (done.returncode, done.stderr) == (1, f"{shipper.folder / 'positions'} is in use by another shipper\n")


@pytest.mark.parametrize("content", ["", "{}", '{"position": "x", "sending": null, "lines": 0}', "[]"])
def test_a_position_that_cannot_be_read_is_never_guessed(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver, content: str
) -> None:
    trail.write(1)
    shipper.webhook(receiver.url)
    file: Path = shipper.folder / "positions" / "siem.json"
    file.parent.mkdir()
    file.write_text(content)
    done = shipper.once()
    assert (done.returncode, receiver.asked) == (1, [])
    assert f"{file}: not the position of a destination" in done.stderr
