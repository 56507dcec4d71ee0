"""What tests of the feed share: its readers, and records to read."""

import json
from typing import Any

from fastapi.testclient import TestClient

from app.telemetry.metrics import FEED_READERS
from tests.support.calls import bearer, execute

FEED = "/api/v1/audit/feed"


def headers(client: TestClient, tenant: str = "acme") -> dict[str, str]:
    """Return the credential of a tenant: its key, or its name where the service has been given none."""
    key = client.keys.get(tenant)
    return bearer(key) if key else {"X-Tenant-ID": tenant}


def write(client: TestClient, tenant: str = "acme", **body: Any) -> str:
    """Write a record and return its id."""
    answer = execute(client, tenant, api_key=client.keys.get(tenant), **body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def get(client: TestClient, tenant: str = "acme", /, **query: Any) -> Any:
    """Ask for the feed, and return the answer."""
    return client.get(FEED, headers=headers(client, tenant), params=query)


def read(client: TestClient, tenant: str = "acme", /, **query: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return the lines of an answer, and its last one."""
    answer = get(client, tenant, **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    assert last["count"] == len(lines)
    return lines, last


def waiting() -> float:
    """Return how many readers of this process wait."""
    return sum(sample.value for family in FEED_READERS.collect() for sample in family.samples)
