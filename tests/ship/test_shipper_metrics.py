"""What the shipper tells Prometheus, and to whom nothing."""

import re
import socket
from urllib.request import urlopen

from app.ship.settings import ShipperSettings
from tests.support.polling import eventually
from tests.support.receivers import WebhookReceiver
from tests.support.shippers import ShipperAt, Trail


def scrape(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.findall(r"^(\w+\{destination=\"\w+\"\}) (\S+)$", answer.read().decode(), re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_lag_success_and_failures_of_each_destination_are_told(
    trail: Trail, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shipper.more["shipper_metrics_port"] = port
    shipper.webhook(receiver.url)
    shipper.webhook("http://127.0.0.1:1", name="dead")
    trail.write(3)
    with shipper.running():
        eventually(lambda: receiver.taken)
        siem, dead = '{destination="siem"}', '{destination="dead"}'
        eventually(lambda: scrape(port)[f"ringfence_shipper_lines_total{siem}"] == 3)
        eventually(lambda: scrape(port)[f"ringfence_shipper_failures_total{dead}"] > 0)
        caught_up = "ringfence_shipper_caught_up_timestamp_seconds"
        eventually(lambda: scrape(port)[caught_up + siem] > scrape(port)[caught_up + dead])
        found = scrape(port)
        started = found[caught_up + dead]
        assert found[f"ringfence_shipper_last_success_timestamp_seconds{siem}"] > started
        assert found[f"ringfence_shipper_last_success_timestamp_seconds{dead}"] == 0
        assert found[f"ringfence_shipper_failures_total{siem}"] == 0


def test_without_a_port_it_listens_nowhere() -> None:
    assert ShipperSettings.model_fields["shipper_metrics_port"].default is None
