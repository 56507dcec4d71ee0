"""One trace id a request: traceparent, else X-Trace-ID, else a new one; stored, and given back with every answer."""

import pytest
from fastapi.testclient import TestClient

from tests.support.calls import assert_problem, records

EXECUTE = "/api/v1/agents/a/execute"
W3C = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{W3C}-b7ad6b7169203331-01"


def traced(client: TestClient, **headers: str) -> str:
    """Execute with these headers; return the trace id, which is the same in answer, header and record."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.post(EXECUTE, headers={"X-Tenant-ID": "acme", **named}, json={"input": {}})
    assert answer.status_code == 200, answer.text
    trace_id: str = answer.json()["trace_id"]
    assert answer.headers["x-trace-id"] == trace_id
    assert records(client)[-1]["trace_id"] == trace_id
    return trace_id


def test_without_a_header_one_is_made_for_each_request(client: TestClient) -> None:
    first, second = traced(client), traced(client)

    assert first != second
    assert len(first) == len(second) == 32


def test_the_callers_own_is_taken_as_it_stands(client: TestClient) -> None:
    assert traced(client, X_Trace_ID="order-77/a b") == "order-77/a b"


def test_that_of_the_w3c_header_is_taken_first(client: TestClient) -> None:
    assert traced(client, traceparent=PARENT) == W3C
    assert traced(client, traceparent=PARENT, X_Trace_ID="other") == W3C
    assert traced(client, traceparent=f"cc-{W3C}-b7ad6b7169203331-01-more") == W3C


@pytest.mark.parametrize(
    "invalid",
    [
        "",
        W3C,
        PARENT.upper(),
        f"ff-{W3C}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{W3C[:-1]}-b7ad6b7169203331-01",
        f"00-{W3C}-b7ad6b7169203331",
        f"00-{W3C}-b7ad6b7169203331-01more",
    ],
)
def test_an_invalid_w3c_header_is_passed_over(client: TestClient, invalid: str) -> None:
    assert traced(client, traceparent=invalid, X_Trace_ID="other") == "other"
    assert len(traced(client, traceparent=invalid)) == 32


@pytest.mark.parametrize("invalid", [f"00-{W3C}-{'0' * 16}-01", f"00-{W3C}-b7ad6b7169203331-01-more"])
def test_a_w3c_header_without_a_parent_or_with_more_than_its_version_has_is_passed_over(
    client: TestClient, invalid: str
) -> None:
    assert traced(client, traceparent=invalid, X_Trace_ID="other") == "other"


def test_it_has_1_to_128_characters(client: TestClient) -> None:
    assert traced(client, X_Trace_ID="t" * 128) == "t" * 128
    assert len(traced(client, X_Trace_ID="")) == 32

    answer = client.post(EXECUTE, headers={"X-Tenant-ID": "acme", "X-Trace-ID": "t" * 129}, json={"input": {}})
    assert_problem(answer, 422, "invalid-request", "trace_id")


@pytest.mark.parametrize("store", ["header", "jsonl"], indirect=True, scope="session")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/health", 200),
        ("GET", "/api/v1/health/db", 200),
        ("GET", "/api/v1/audit/logs?tenant_id=acme", 200),
        ("GET", "/api/v1/audit/logs", 400),
        ("GET", "/api/v1/audit/logs?tenant_id=acme&limit=0", 422),
        ("GET", "/api/v1/audit/logs?tenant_id=No", 403),
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/v1/audit/logs", 405),
        ("POST", f"{EXECUTE}?tenant_id=acme", 422),
    ],
)
def test_it_comes_back_with_every_answer(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path, headers={"traceparent": PARENT})

    assert answer.status_code == status
    assert answer.headers["x-trace-id"] == W3C
    if status >= 400:
        assert answer.json()["trace_id"] == W3C


def test_a_refusal_is_recorded_under_it(client: TestClient) -> None:
    headers = {"X-Tenant-ID": "acme", "X-Trace-ID": "mine"}
    answer = client.post(EXECUTE, headers=headers, json={"input": {}, "mode": "LIVE"})

    assert_problem(answer, 403, "live-disabled")
    assert [record["status"] for record in records(client, trace_id="mine")] == ["denied"]
