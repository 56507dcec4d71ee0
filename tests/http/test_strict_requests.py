"""Requests that could be read in two ways, or hold more than is read, are refused whole."""

import codecs
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import pytest
from fastapi import Depends, Header, Response
from fastapi.testclient import TestClient

from app.http.schemas import ExecuteRequest, HealthResponse
from app.http.strict_route import StrictRoute
from tests.conftest import Serve
from tests.support.calls import assert_problem, execute, records
from tests.support.processes import running_service

EXECUTE = "/api/v1/agents/a/execute"


def post(client: TestClient, content: bytes, content_type: str = "application/json") -> Any:
    headers = {"X-Tenant-ID": "acme", "Content-Type": content_type}
    return client.post(EXECUTE, content=content, headers=headers)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"input"',
        b"{'input': {}}",
        b'{"input": {}} {"input": {}}',
        b'{"input": {},}',
        b'{"input": {}, "input": {}}',
        b'{"input": {"a": 1, "a": 2}}',
        b'{"input": {"b": [{"a": 1, "\\u0061": 2}]}}',
        b'{"input": {}, "mode": "DRY_RUN", "mode": "LIVE"}',
        b'{"input": {"a": NaN}}',
        b'{"input": {"a": Infinity}}',
        b'{"input": {"a": -Infinity}}',
        b'{"input": {"a": 1e999}}',
        b'{"input": {"a": ' + b"9" * 5000 + b"}}",
        b'{"input": {"a": 01}}',
        b'{"input": {"a": "\x01"}}',
        b'{"input": {"a": "\xff"}}',
        b'{"input": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"a":' * 100_000,
        b'{"input": {"a": "' + codecs.BOM_UTF8,
    ],
    ids=lambda content: repr(content[:40]),
)
def test_a_body_that_is_not_one_clear_json_object_is_refused_and_not_repeated(
    client: TestClient, content: bytes
) -> None:
    answer = post(client, content)

    assert answer.status_code == 422, answer.text
    problem = assert_problem(answer, 422, "invalid-request", *[e["field"] for e in answer.json()["errors"]])
    assert len(problem["errors"]) == 1
    assert "9" * 20 not in answer.text
    assert records(client) == []


def test_what_json_allows_is_taken(client: TestClient) -> None:
    content = '{"input": {"": null, "ä\\u0000\\ud800": [1.5e3, -0, true], "a": {"a": {"a": 1}}}}'

    assert post(client, content.encode()).status_code == 200
    assert post(client, b' \r\n\t{"input" : { } } ').status_code == 200
    assert post(client, b'{"input": {}}', "application/json; charset=utf-8").status_code == 200
    assert len(records(client)) == 3


NOT_UTF_8 = [
    *('{"input": {}}'.encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-32")),
    b'{"input": {"a": "\xed\xa0\x80"}}',  # a surrogate, as UTF-8 may not have it
]


@pytest.mark.parametrize("content", NOT_UTF_8)
def test_a_body_that_is_not_utf_8_is_refused(client: TestClient, content: bytes) -> None:
    assert_problem(post(client, content), 422, "invalid-request", "body")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_that_is_not_said_to_be_json_is_refused(client: TestClient, content_type: str) -> None:
    assert_problem(post(client, b'{"input": {}}', content_type), 422, "invalid-request", "body")
    assert records(client) == []


@pytest.mark.parametrize(
    "content_type", ["application/vnd.agent+json", "Application/JSON", "application/json;charset=utf-8", "a/json, b/c"]
)
def test_a_body_is_json_by_its_media_type_whatever_the_letters_and_parameters(
    client: TestClient, content_type: str
) -> None:
    expected = 200 if content_type.lower().startswith("application/") else 422
    assert post(client, b'{"input": {}}', content_type).status_code == expected


def test_a_body_without_a_content_type_is_refused(client: TestClient) -> None:
    request = client.build_request("POST", EXECUTE, headers={"X-Tenant-ID": "acme"}, content=b'{"input": {}}')
    assert "content-type" not in request.headers
    answer = client.post(EXECUTE, headers={"X-Tenant-ID": "acme"}, content=b'{"input": {}}')
    assert_problem(answer, 422, "invalid-request", "body")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_body_that_is_not_there_is_named_as_missing(client: TestClient, content_type: str) -> None:
    problem = assert_problem(post(client, b"", content_type), 422, "invalid-request", "body")
    assert problem["errors"] == [{"field": "body", "detail": "Field required"}]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"[]", "Input should be a valid dictionary or object to extract fields from"),
        (b"null", "Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_a_body_that_is_no_object_is_refused_as_a_whole(client: TestClient, content: bytes, detail: str) -> None:
    problem = assert_problem(post(client, content), 422, "invalid-request", "body")
    assert problem["errors"] == [{"field": "body", "detail": detail}]


def test_what_is_not_json_is_refused_with_the_place_where_it_ends(client: TestClient) -> None:
    problem = assert_problem(post(client, b'{"input": }'), 422, "invalid-request", "body")
    assert problem["errors"] == [{"field": "body", "detail": "not JSON at character 10: Expecting value"}]


def test_everything_wrong_is_named_at_once_the_query_before_the_body(client: TestClient) -> None:
    headers = {"X-Tenant-ID": "acme"}
    answer = client.post(f"{EXECUTE}?b=1&a=2", headers=headers, json={"user_id": 7, "z": 1, "mode": None})

    assert_problem(answer, 422, "invalid-request", "b", "a", "input", "mode", "user_id", "z")
    assert answer.json()["detail"].startswith("b: Extra inputs are not permitted; a: ")


def test_what_is_not_json_is_refused_before_anything_is_said_of_the_query(client: TestClient) -> None:
    headers = {"X-Tenant-ID": "acme", "Content-Type": "application/json"}
    assert_problem(client.post(f"{EXECUTE}?unknown=1", headers=headers, content=b"{"), 422, "invalid-request", "body")


def test_a_caller_who_disconnects_in_the_middle_of_a_body_is_no_failure_of_ours(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        url = urlsplit(str(service.http.base_url))
        with socket.create_connection((url.hostname, url.port or 80)) as connection:
            head = [
                f"POST {EXECUTE} HTTP/1.1", f"Host: {url.netloc}", "X-Tenant-ID: acme",
                "Content-Type: application/json", "Content-Length: 100", "Expect: 100-continue", "", "",
            ]  # fmt: skip
            connection.sendall("\r\n".join(head).encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
            connection.sendall(b'{"input": ')
        assert service.http.get("/api/v1/health").status_code == 200
        assert "unexpected" not in service.printed()
        assert "Traceback" not in service.printed()


def test_a_body_of_the_largest_size_is_taken_and_a_larger_one_refused(client: TestClient) -> None:
    frame = len(b'{"input": {"a": ""}}')
    largest = b'{"input": {"a": "' + b"x" * (1_048_576 - frame) + b'"}}'

    assert len(largest) == 1_048_576
    assert post(client, largest).status_code == 200
    assert post(client, largest + b" ").status_code == 413
    assert len(records(client)) == 1


def in_chunks() -> Iterator[bytes]:
    for _ in range(2000):
        yield b" " * 1000


def test_a_body_that_does_not_say_its_size_is_limited_as_well(client: TestClient) -> None:
    headers = {"X-Tenant-ID": "acme", "Content-Type": "application/json"}
    assert client.post(EXECUTE, content=in_chunks(), headers=headers).status_code == 413


def test_the_largest_size_is_a_setting(serve_each: Serve) -> None:
    client = serve_each(max_body_bytes=100)

    assert execute(client, input={"a": "x" * 20}).status_code == 200
    assert execute(client, input={"a": "x" * 100}).status_code == 413


@pytest.mark.parametrize("content", [b" " * 2_000_000, None], ids=["sized", "in chunks"])
def test_a_body_that_is_too_large_is_refused_with_a_problem(client: TestClient, content: bytes | None) -> None:
    headers = {"X-Tenant-ID": "acme", "X-Trace-ID": "mine", "Content-Type": "application/json"}
    answer = client.post(EXECUTE, content=content or in_chunks(), headers=headers)

    assert assert_problem(answer, 413, "body-too-large")["trace_id"] == "mine"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/audit/logs"), ("POST", EXECUTE)],
)
@pytest.mark.parametrize(
    ("query", "field"), [("unknown=1", "unknown"), ("tenant_id=acme&x=", "x"), ("limits=1", "limits")]
)
def test_an_unknown_query_parameter_is_refused(
    client: TestClient, method: str, path: str, query: str, field: str
) -> None:
    headers = {"X-Tenant-ID": "acme"}
    body: dict[str, Any] = {"json": {"input": {}}} if method == "POST" else {}
    assert client.request(method, path, headers=headers, **body).status_code == 200

    assert_problem(client.request(method, f"{path}?{query}", headers=headers, **body), 422, "invalid-request", field)


@pytest.mark.parametrize("store", ["header", "jsonl"], indirect=True, scope="session")
@pytest.mark.parametrize("query", ["tenant_id=acme&tenant_id=globex", "tenant_id=acme&tenant_id=acme"])
def test_a_query_parameter_that_stands_twice_is_refused(client: TestClient, query: str) -> None:
    answer = client.post(f"{EXECUTE}?{query}", json={"input": {}})
    assert_problem(answer, 422, "invalid-request", "tenant_id")
    assert_problem(client.get(f"/api/v1/audit/logs?{query}"), 422, "invalid-request", "tenant_id")
    answer = client.get("/api/v1/audit/logs?tenant_id=acme&limit=1&limit=2")
    assert_problem(answer, 422, "invalid-request", "limit")
    assert client.get("/api/v1/audit/logs?tenant_id=acme&limit=1").status_code == 200


def test_a_route_without_parameters_refuses_only_those_that_stand_twice(client: TestClient) -> None:
    assert client.get("/api/v1/health?any=1&other=").status_code == 200
    assert_problem(client.get("/api/v1/health?any=1&other=&any=1"), 422, "invalid-request", "any")


def test_of_several_parameters_that_stand_twice_the_first_is_named(client: TestClient) -> None:
    answer = client.get("/api/v1/audit/logs?limit=1&order=asc&order=asc&limit=2", headers={"X-Tenant-ID": "acme"})
    assert_problem(answer, 422, "invalid-request", "limit")


def test_an_empty_value_and_a_missing_one_are_values(client: TestClient) -> None:
    for query in ("limit=", "limit"):
        answer = client.get(f"/api/v1/audit/logs?{query}", headers={"X-Tenant-ID": "acme"})
        assert_problem(answer, 422, "invalid-request", "limit")


def test_a_query_in_invalid_utf_8_is_answered_without_a_server_error(client: TestClient) -> None:
    for query in ("agent_id=%ff%fe", "%ff=1", "tenant_id=%ff", "agent_id=%ed%a0%80"):
        answer = client.get(f"/api/v1/audit/logs?{query}", headers={"X-Tenant-ID": "acme"})
        assert answer.status_code in (200, 403, 422), answer.text


async def wants_a_header(token: Annotated[str, Header()]) -> Response:
    return Response(token)


async def wants_a_single_parameter(text: str) -> Response:
    return Response(text)


async def wants_two_bodies(first: ExecuteRequest, second: ExecuteRequest) -> Response:
    return Response(first.mode + second.mode)


async def returns_a_model() -> HealthResponse:
    return HealthResponse(status="ok", version="1", database="up")


async def wants_nothing() -> Response:
    return Response()


@pytest.mark.parametrize("endpoint", [wants_a_header, wants_a_single_parameter, wants_two_bodies])
def test_a_route_that_wants_what_is_not_read_strictly_cannot_be_made(endpoint: Any) -> None:
    with pytest.raises(TypeError, match="does not know where to read it"):
        StrictRoute("/", endpoint)


def test_a_route_that_returns_no_response_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="returns a Response"):
        StrictRoute("/", returns_a_model)  # type: ignore[arg-type]


def test_a_route_with_a_dependency_that_would_not_be_asked_cannot_be_made() -> None:
    StrictRoute("/", wants_nothing)
    with pytest.raises(TypeError, match="solves no dependencies"):
        StrictRoute("/", wants_nothing, dependencies=[Depends(wants_nothing)])
