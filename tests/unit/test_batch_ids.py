"""Ids that the service makes for records of bulk requests."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from app.services.batch import Batch

BODY = json.dumps([{"agent_id": "a", "mode": "LIVE", "status": "success"}] * 2_000).encode()


@pytest.fixture
def busy_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def read() -> list[str]:
    with closing(Batch("application/json")) as batch:
        batch.read_json(BODY)
        return [record["id"] for record in batch.stored_records("acme")]


@pytest.mark.usefixtures("busy_threads")
def test_two_requests_that_are_read_at_once_get_ids_of_their_own() -> None:
    with ThreadPoolExecutor(2) as threads:
        ids = [each for found in threads.map(lambda _: read(), range(8)) for each in found]
    assert len(set(ids)) == 8 * 2_000
