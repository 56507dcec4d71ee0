"""Sending many records, and what they look like."""

import json
from collections.abc import Iterable
from typing import Any

from tests.support.calls import bearer

LOGS = "/api/v1/audit/logs"


def record(**fields: Any) -> dict[str, Any]:
    """Return a record that is accepted, with these fields."""
    return {"agent_id": "scoring", "mode": "LIVE", "status": "success"} | fields


def lines(records: Iterable[dict[str, Any]]) -> bytes:
    """Return the records one a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def send(
    client: Any, content: Any, tenant: str = "acme", api_key: str | None = None, kind: str = "x-ndjson", **headers: str
) -> Any:
    """Send `content` as the tenant, with its key if given; headers: with underscores for hyphens."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    who = {"X-Tenant-ID": tenant} | (bearer(api_key) if api_key else {})
    return client.post(LOGS, content=content, headers={"Content-Type": f"application/{kind}"} | who | more)


def send_json(client: Any, value: Any, **arguments: Any) -> Any:
    """Send `value` as JSON: one record, or an array."""
    return send(client, json.dumps(value), kind="json", **arguments)
