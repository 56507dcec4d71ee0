"""The two calls that most tests make, and what every refusal looks like."""

import json
from typing import Any

from fastapi.testclient import TestClient


def bearer(api_key: str) -> dict[str, str]:
    """Return the header that proves a tenant."""
    return {"Authorization": f"Bearer {api_key}"}


def execute(
    client: TestClient, tenant: str = "acme", agent: str = "credit-scoring", api_key: str | None = None, **body: Any
) -> Any:
    """Execute `agent` for `tenant`, with its key if given; `body` may add to the request, or replace its input."""
    # In ASCII with escapes: so that a text that is not valid Unicode can be sent as well.
    content = json.dumps({"input": {}} | body)
    headers = {"X-Tenant-ID": tenant, "Content-Type": "application/json"} | (bearer(api_key) if api_key else {})
    return client.post(f"/api/v1/agents/{agent}/execute", headers=headers, content=content)


def page(client: TestClient, tenant: str = "acme", api_key: str | None = None, **query: Any) -> dict[str, Any]:
    """Return one page of the tenant's records."""
    headers = {"X-Tenant-ID": tenant} | (bearer(api_key) if api_key else {})
    answer = client.get("/api/v1/audit/logs", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def records(client: TestClient, tenant: str = "acme", api_key: str | None = None, **query: Any) -> list[dict[str, Any]]:
    """Return the tenant's records, oldest first; there must be few enough for one page."""
    found = page(client, tenant, api_key, **{"limit": 1000, "order": "asc"} | query)
    assert not found["has_more"]
    items: list[dict[str, Any]] = found["items"]
    return items


def status_of_good_get(client: Any, path: str) -> int:
    """Return the status of a GET of `path` that nothing is wrong with: a file has no export."""
    is_file = client.get("/api/v1/health/db").json()["backend"] == "jsonl"
    return 501 if is_file and path.endswith("/export") else 200


def assert_problem(answer: Any, status: int, kind: str, *fields: str) -> dict[str, Any]:
    """Assert that `answer` is this problem, and refuses these fields; return its body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:ringfence:problem:{kind}"
    assert body["status"] == status
    assert body["trace_id"] == answer.headers["x-trace-id"]
    assert body["title"]
    assert body["detail"]
    assert [error["field"] for error in body.get("errors", [])] == list(fields)
    return body
