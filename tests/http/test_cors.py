"""Browsers: no origin may call unless the operator lists it."""

import pytest

from tests.conftest import Serve
from tests.support.calls import execute

HEALTH = "/api/v1/health"
LISTED = "https://console.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-Tenant-ID"}


def cors_headers(answer: object) -> dict[str, str]:
    headers: dict[str, str] = dict(answer.headers)  # type: ignore[attr-defined]
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


def test_by_default_no_header_is_sent_whatever_the_origin(serve_file: Serve) -> None:
    client = serve_file()

    for origin in (LISTED, "null", "http://localhost:3000", "http://testserver"):
        assert cors_headers(client.get(HEALTH, headers={"Origin": origin})) == {}
        preflight = client.options("/api/v1/agents/a/execute", headers={"Origin": origin, **PREFLIGHT})
        assert preflight.status_code == 204  # without a header of CORS a browser stops here
        assert cors_headers(preflight) == {}


def test_a_listed_origin_may_call_and_see_the_trace(serve_file: Serve) -> None:
    client = serve_file(allowed_origins=f"{LISTED}, http://localhost:3000")

    for origin in (LISTED, "http://localhost:3000"):
        headers = cors_headers(client.get(HEALTH, headers={"Origin": origin}))
        assert headers["access-control-allow-origin"] == origin
        assert headers["access-control-expose-headers"] == "X-Trace-ID"
        assert "access-control-allow-credentials" not in headers

        preflight = client.options("/api/v1/agents/a/execute", headers={"Origin": origin, **PREFLIGHT})
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "X-Tenant-ID" in preflight.headers["access-control-allow-headers"]
        assert set(preflight.headers["access-control-allow-methods"].split(", ")) == {"GET", "POST"}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://console.example.evil.example", "http://console.example", "null", "*"]
)
def test_any_other_origin_is_not_let_in(serve_file: Serve, origin: str) -> None:
    client = serve_file(allowed_origins=LISTED)

    assert "access-control-allow-origin" not in cors_headers(client.get(HEALTH, headers={"Origin": origin}))
    preflight = client.options("/api/v1/agents/a/execute", headers={"Origin": origin, **PREFLIGHT})
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in cors_headers(preflight)


def test_a_listed_origin_sees_refusals_too(serve_file: Serve) -> None:
    client = serve_file(allowed_origins=LISTED)

    client.headers["Origin"] = LISTED
    assert execute(client, mode="LIVE").headers["access-control-allow-origin"] == LISTED
    assert client.get("/nowhere").headers["access-control-allow-origin"] == LISTED
