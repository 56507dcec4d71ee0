"""Every refusal is a problem of RFC 9457, repeats nothing of what the caller sent, and shows nothing of the inside."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, execute
from tests.support.polling import eventually

CANARY = "c4n4ry"
INSIDE = (
    "SELECT",
    "audit.",
    "psycopg",
    "Traceback",
    "File ",
    "postgres",
    "relation",
    "constraint",
    "row-level",
    "/tmp",
)


def refusals(client: TestClient) -> dict[str, Any]:
    """Return one answer for each way of being refused, each sent with the canary in it."""
    tenant = {"X-Tenant-ID": "acme"}
    path, logs = "/api/v1/agents/a/execute", "/api/v1/audit/logs"
    return {
        "not found": client.get(f"/{CANARY}", headers=tenant),
        "not found, below a route": client.get(f"{logs}/{CANARY}/x", headers=tenant),
        "id": client.get(f"{logs}/{CANARY}", headers=tenant),
        "trailing slash": client.get(f"{logs}/", headers=tenant),
        "method": client.delete(logs, headers=tenant),
        "method of execute": client.get(path, headers=tenant, params={"x": CANARY}),
        "no tenant": client.get(logs, params={"agent_id": CANARY}),
        "unknown tenant": client.get(logs, headers={"X-Tenant-ID": f"{CANARY}."}),
        "two tenants": client.get(logs, headers=tenant, params={"tenant_id": CANARY}),
        "body": client.post(path, headers=tenant, content=f'{{"{CANARY}": '),
        "body as json": client.post(
            path, headers={**tenant, "Content-Type": "application/json"}, content=f'["{CANARY}'
        ),
        "mode": execute(client, mode=CANARY),
        "user": execute(client, user_id=CANARY * 100),
        "user with nul": execute(client, user_id=f"{CANARY}\0"),
        "user with surrogate": execute(client, user_id=f"{CANARY}\ud800"),
        "user as object": execute(client, user_id={CANARY: CANARY}),
        "agent": execute(client, agent=CANARY * 100),
        "input": execute(client, input=CANARY),
        "live": execute(client, mode="LIVE", input={"prompt": CANARY}, user_id=CANARY),
        "time": client.get(logs, headers=tenant, params={"start_time": CANARY}),
        "limit": client.get(logs, headers=tenant, params={"limit": CANARY}),
        "order": client.get(logs, headers=tenant, params={"order": CANARY}),
        "status": client.get(logs, headers=tenant, params={"status": CANARY}),
        "cursor": client.get(logs, headers=tenant, params={"cursor": CANARY}),
        "nul": client.get(logs, headers=tenant, params={"agent_id": f"{CANARY}\0"}),
    }


STATUSES = {
    "not found": 404, "not found, below a route": 404, "trailing slash": 404, "method": 405, "method of execute": 405,
    "no tenant": 400, "unknown tenant": 403, "two tenants": 403, "live": 403,
}  # fmt: skip


@pytest.mark.parametrize("store", ["header", "jsonl"], indirect=True, scope="session")
def test_every_refusal_is_a_problem_that_repeats_nothing_and_shows_nothing(client: TestClient) -> None:
    for name, answer in refusals(client).items():
        body = assert_problem(
            answer, STATUSES.get(name, 422), answer.json()["type"].removeprefix("urn:ringfence:problem:"),
            *[error["field"] for error in answer.json().get("errors", [])],
        )  # fmt: skip
        assert set(body) - {"errors"} == {"type", "title", "status", "detail", "trace_id"}, name
        assert CANARY not in answer.text, name
        for word in INSIDE:
            assert word not in answer.text, name


def test_both_backends_refuse_with_the_same_problems(serve: Serve, serve_file: Serve) -> None:
    def told(client: TestClient) -> dict[str, Any]:
        return {name: {**answer.json(), "trace_id": None} for name, answer in refusals(client).items()}

    in_database, in_file = told(serve()), told(serve_file())
    for name in in_database:
        kinds = [found[name]["type"] for found in (in_database, in_file)]
        assert kinds[0] == kinds[1], name
        fields = [[e["field"] for e in found[name].get("errors", [])] for found in (in_database, in_file)]
        assert fields[0] == fields[1], name


@pytest.mark.parametrize(
    "path", ["/api/v1/agents/execute", "/api/v1/agents/a/run", "/api/v1/agents/a/execute/", "/API/v1/health"]
)
def test_a_path_that_is_no_route_is_not_found(client: TestClient, path: str) -> None:
    assert_problem(client.post(path, headers={"X-Tenant-ID": "acme"}, json={"input": {}}), 404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_no_route_changes_or_deletes(client: TestClient, method: str) -> None:
    execute(client)

    for path in ("/api/v1/audit/logs", "/api/v1/agents/a/execute", "/api/v1/health", "/api/v1/health/db"):
        assert_problem(client.request(method, path, headers={"X-Tenant-ID": "acme"}), 405, "method-not-allowed")


def test_a_database_that_is_gone_is_a_problem_that_shows_nothing_of_it(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_pool_timeout=0.2)
    database.go_down()

    for answer in (
        execute(client, input={"prompt": CANARY}, user_id=CANARY),
        client.get("/api/v1/audit/logs", headers={"X-Tenant-ID": "acme"}, params={"user_id": CANARY}),
    ):
        assert_problem(answer, 503, "storage-unavailable")
        assert answer.headers["retry-after"] == "1"
        for word in (CANARY, database.administrator.info.dbname, *INSIDE):
            assert word not in answer.text

    database.come_up()
    eventually(lambda: execute(client).status_code == 200)


def test_a_privilege_that_is_missing_is_our_failure_and_its_reason_is_not_told(
    serve: Serve, database: TestDatabase
) -> None:
    client = serve()
    assert execute(client).status_code == 200
    database.execute("REVOKE SELECT ON audit.audit_logs FROM audit_trusted")

    answer = client.get("/api/v1/audit/logs", headers={"X-Tenant-ID": "acme"})

    assert_problem(answer, 503, "storage-unavailable")
    for word in INSIDE:
        assert word not in answer.text


def test_the_documents_of_the_interface_are_served(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    assert set(document["paths"]) >= {
        "/api/v1/agents/{agent_id}/execute", "/api/v1/audit/logs", "/api/v1/health", "/api/v1/health/db",
    }  # fmt: skip
