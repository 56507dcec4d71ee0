"""Somebody before a service that proves tenants by keys, in from the start or not."""

import pytest

from tests.conftest import Serve, TestDatabase
from tests.viewer import visits
from tests.viewer.visits import Auditor


@pytest.fixture
def stranger(serve: Serve, database: TestDatabase) -> Auditor:
    """Somebody who has a key, and has not signed in."""
    return visits.auditor(serve, database)


@pytest.fixture
def auditor(stranger: Auditor) -> Auditor:
    """Somebody who has signed in."""
    assert stranger.sign_in().status_code == 303
    return stranger
