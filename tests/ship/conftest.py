"""A running service with a key of acme, a shipper that has it, and a receiver."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.support.processes import running_service
from tests.support.receivers import WebhookReceiver, receiving
from tests.support.shippers import ShipperAt, Trail


@pytest.fixture
def trail(database: TestDatabase) -> Iterator[Trail]:
    """A service whose tenant acme has no record yet."""
    with running_service(database_url=database.url("audit_app")) as service:
        yield Trail(database, service.http, database.issue_api_key("acme"))


@pytest.fixture
def shipper(trail: Trail, tmp_path: Path) -> ShipperAt:
    """A shipper that reads the feed of acme, and has no destination yet."""
    return ShipperAt(tmp_path, trail.url, secrets={"ACME_READ_KEY": trail.database.issue_api_key("acme", "read")})


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A webhook."""
    with receiving(WebhookReceiver()) as receiver:
        yield receiver
