"""Which methods a path answers: HEAD as GET without a body, OPTIONS with the methods, and a 405 that names them all."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer, execute
from tests.support.processes import running_service

LOGS = "/api/v1/audit/logs"
EXPORT = f"{LOGS}/export"
TENANT = {"X-Tenant-ID": "acme", "X-Trace-ID": "trace", "Accept-Encoding": "identity"}
PATHS = [LOGS, "/api/v1/audit/admin-events", "/api/v1/health", "/openapi.json", "/docs", "/docs/start.js"]
ALLOWED = {
    LOGS: "GET, HEAD, OPTIONS, POST",
    EXPORT: "GET, HEAD, OPTIONS",
    "/api/v1/audit/feed": "GET, HEAD, OPTIONS",
    f"{LOGS}/01900000-0000-7000-8000-00000000000a": "GET, HEAD, OPTIONS",
    "/api/v1/audit/admin-events": "GET, HEAD, OPTIONS",
    "/api/v1/agents/a/execute": "OPTIONS, POST",
    "/api/v1/agents/a/b/execute": "OPTIONS, POST",
    "/api/v1/health": "GET, HEAD, OPTIONS",
    "/api/v1/health/db": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
    "/docs": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
}


def headers_of(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_what_get_does_without_the_body(client: TestClient, path: str) -> None:
    execute(client)
    got, head = client.get(path, headers=TENANT), client.head(path, headers=TENANT)

    assert (head.status_code, head.content) == (200, b"")
    assert headers_of(head) == headers_of(got)
    assert int(head.headers["content-length"]) == len(got.content) > 0


def test_head_of_a_record_answers_what_get_does_without_the_body(client: TestClient) -> None:
    path = f"{LOGS}/{execute(client).json()['id']}"
    got, head = client.get(path, headers=TENANT), client.head(path, headers=TENANT)

    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert headers_of(head) == headers_of(got)


def test_head_sends_no_body_on_the_wire_either(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        for path in (*PATHS, "/api/v1/health/db", "/metrics", EXPORT, "/nowhere", f"{LOGS}?limit=x"):
            got, head = service.http.get(path, headers=TENANT), service.http.head(path, headers=TENANT)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers["content-type"] == got.headers["content-type"], path
            assert service.http.get("/api/v1/health").json()["status"] == "ok", path  # on the same connection


def test_head_is_refused_where_get_is(client: TestClient) -> None:
    for path, status in ((LOGS, {400, 401}), (f"{LOGS}?limit=0", {400, 401}), (EXPORT, {400, 401})):
        assert client.head(path).status_code in status
    for query in ("limit=0", "order=up", "unknown=1"):
        assert client.head(f"{LOGS}?{query}", headers=TENANT).status_code == 422
    assert client.head("/api/v1/agents/a/execute", headers=TENANT).status_code == 405


@pytest.mark.parametrize("store", ["api_key", "header"], indirect=True, scope="session")
@pytest.mark.parametrize("query", ["", "?format=csv", "?format=csv&bom=true"])
def test_head_of_an_export_has_its_headers(client: TestClient, query: str) -> None:
    execute(client)
    got, head = client.get(EXPORT + query, headers=TENANT), client.head(EXPORT + query, headers=TENANT)

    def without_time(answer: Any) -> dict[str, str]:
        return {name: re.sub(r"\d{4}-\d\d-\d\dT\d{6}Z", "T", value) for name, value in headers_of(answer).items()}

    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert without_time(head) == without_time(got)
    assert "content-length" not in head.headers


def test_head_of_an_export_neither_records_nor_begins_one(database: TestDatabase, serve: Serve) -> None:
    client = serve(exports_at_once=1, database_url=SecretStr(database.url("audit_app")))
    headers = bearer(database.issue_api_key("acme"))

    def exports() -> int:
        events = client.get("/api/v1/audit/admin-events", headers=headers).json()["items"]
        return sum(event["act"] == "records exported" for event in events)

    for _ in range(3):
        assert client.head(EXPORT, headers=headers).status_code == 200
    assert exports() == 0
    assert client.get(EXPORT, headers=headers).status_code == 200
    assert exports() == 1


def test_head_of_an_export_is_refused_to_a_key_that_may_not_read(database: TestDatabase, serve: Serve) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")))
    writer, reader = (database.issue_api_key("acme", scope) for scope in ("write", "read"))

    assert [client.head(EXPORT, headers=bearer(key)).status_code for key in (writer, reader)] == [403, 200]
    assert client.head(f"{EXPORT}?format=xml", headers=bearer(reader)).status_code == 422
    assert client.head(f"{EXPORT}?bom=true", headers=bearer(reader)).status_code == 422


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
def test_a_method_that_is_not_allowed_names_every_one_that_is(client: TestClient, path: str, allowed: str) -> None:
    for method in ("DELETE", "PUT", "PATCH", "TRACE"):
        answer = client.request(method, path, headers=TENANT)
        assert_problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
def test_options_names_the_methods_of_a_path_without_a_credential(client: TestClient, path: str, allowed: str) -> None:
    answer = client.options(path)

    assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", allowed)


def test_options_of_nothing_is_not_found(client: TestClient) -> None:
    assert_problem(client.options("/nowhere"), 404, "not-found")


@pytest.mark.parametrize("path", [LOGS, EXPORT, "/api/v1/audit/admin-events", "/api/v1/health", "/api/v1/health/db"])
def test_no_cache_keeps_what_a_route_says(client: TestClient, path: str) -> None:
    assert client.get(path, headers=TENANT).headers["cache-control"] == "no-store"


def test_no_cache_keeps_a_record_an_execution_or_a_refusal(client: TestClient) -> None:
    executed = execute(client)
    content = json.dumps({"agent_id": "a", "mode": "LIVE", "status": "success"})
    written = client.post(LOGS, headers={**TENANT, "Content-Type": "application/json"}, content=content)
    assert [executed.status_code, written.status_code] == [200, 201]

    for answer in (
        executed,
        written,
        client.get(f"{LOGS}/{executed.json()['id']}", headers=TENANT),
        client.get(f"{LOGS}/01900000-0000-7000-8000-00000000000a", headers=TENANT),
        client.get(LOGS),
        client.get("/nowhere"),
        client.delete(LOGS),
    ):
        assert answer.headers["cache-control"] == "no-store", answer.text
