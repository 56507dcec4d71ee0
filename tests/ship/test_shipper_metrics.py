"""What the shipper tells Prometheus, and to whom nothing."""

import re
import socket
from urllib.request import urlopen

import pytest

from app.ship.settings import ShipperSettings
from tests.support.polling import eventually
from tests.support.receivers import Fault, WebhookReceiver
from tests.support.shippers import ShipperAt, Trail

CAUGHT_UP = "ringfence_shipper_caught_up_timestamp_seconds"


def scrape(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.findall(r"^(\w+\{destination=\"\w+\"\}) (\S+)$", answer.read().decode(), re.MULTILINE)
    return {name: float(value) for name, value in found}


@pytest.fixture
def port(shipper: ShipperAt) -> int:
    """Have the shipper serve its metrics at a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    shipper.more["shipper_metrics_port"] = port
    return port


def caught_up(port: int, name: str = "siem") -> float:
    """Return when a destination had everything, once that is known."""
    sample = f'{CAUGHT_UP}{{destination="{name}"}}'

    def known() -> float:
        try:
            return scrape(port)[sample]
        except OSError:  # it does not serve yet
            return 0

    return eventually(known)


def test_lag_success_and_failures_of_each_destination_are_told(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver, port: int
) -> None:
    shipper.webhook(receiver.url)
    shipper.webhook("http://127.0.0.1:1", name="dead")
    trail.write(3)
    with shipper.running():
        eventually(lambda: receiver.taken)
        caught_up(port, "dead")
        siem, dead = '{destination="siem"}', '{destination="dead"}'
        eventually(lambda: scrape(port)[f"ringfence_shipper_lines_total{siem}"] == 3)
        eventually(lambda: scrape(port)[f"ringfence_shipper_failures_total{dead}"] > 0)
        eventually(lambda: scrape(port)[CAUGHT_UP + siem] > scrape(port)[CAUGHT_UP + dead])
        found = scrape(port)
        started = found[CAUGHT_UP + dead]
        assert found[f"ringfence_shipper_last_success_timestamp_seconds{siem}"] > started
        assert found[f"ringfence_shipper_last_success_timestamp_seconds{dead}"] == 0
        assert found[f"ringfence_shipper_failures_total{siem}"] == 0


def test_the_lag_of_a_destination_does_not_begin_anew_with_a_start(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver, port: int
) -> None:
    shipper.webhook(receiver.url)
    trail.write(1)
    receiver.next_fault = lambda: Fault.REFUSE
    with shipper.running():
        first = caught_up(port)
        eventually(lambda: receiver.asked)
    asked = len(receiver.asked)
    with shipper.running():
        eventually(lambda: len(receiver.asked) > asked)
        assert caught_up(port) == first
    receiver.next_fault = lambda: Fault.NONE
    with shipper.running():
        eventually(lambda: caught_up(port) > first)


def test_nor_does_the_lag_of_a_new_one_whose_feed_cannot_be_read(
    shipper: ShipperAt, receiver: WebhookReceiver, port: int
) -> None:
    shipper.webhook(receiver.url, service="http://127.0.0.1:1")
    with shipper.running():
        first = caught_up(port)
    with shipper.running():
        assert caught_up(port) == first


def test_a_feed_that_fails_does_not_take_back_that_a_destination_had_everything(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver, port: int
) -> None:
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    kept = shipper.standing()["caught_up"]
    with shipper.running():
        eventually(lambda: caught_up(port) > kept)
        had = caught_up(port)
        trail.database.execute("SELECT audit.revoke_api_key(%s)", shipper.secrets["ACME_READ_KEY"].split("_")[1])
        eventually(lambda: scrape(port)['ringfence_shipper_failures_total{destination="siem"}'] > 1)
        assert caught_up(port) == had


def test_a_position_that_cannot_be_read_is_a_lag_that_nobody_knows(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver, port: int
) -> None:
    shipper.webhook(receiver.url)
    trail.write(1)
    assert shipper.once().returncode == 0
    (shipper.folder / "positions" / "siem.json").write_text("{}")
    with shipper.running():

        def failed() -> bool:
            try:
                return scrape(port)['ringfence_shipper_failures_total{destination="siem"}'] > 0
            except OSError:
                return False

        eventually(failed)
        assert scrape(port)[CAUGHT_UP + '{destination="siem"}'] == 0


def test_without_a_port_it_listens_nowhere() -> None:
    assert ShipperSettings.model_fields["shipper_metrics_port"].default is None
