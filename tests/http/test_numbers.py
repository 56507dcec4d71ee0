"""Numbers and texts that no column could hold are refused by name, wherever they stand."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import lines, record, send, send_json
from tests.support.calls import assert_problem, execute, records, status_of_good_get

LOGS, TENANT = "/api/v1/audit/logs", {"X-Tenant-ID": "acme"}
TOO_LARGE = [str(2**31), str(-(2**31) - 1), "99999999999", str(2**63), "9" * 30, "-" + "9" * 30, "9" * 5000]
NUMBERS_OF_QUERIES = [
    (LOGS, "limit"), (LOGS, "http_status"), (f"{LOGS}/export", "http_status"), ("/api/v1/audit/admin-events", "limit"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), NUMBERS_OF_QUERIES)
@pytest.mark.parametrize("value", TOO_LARGE, ids=lambda value: value[:12])
def test_a_number_of_a_query_that_is_out_of_range_is_refused_by_name(
    client: TestClient, path: str, name: str, value: str
) -> None:
    assert client.get(path, headers=TENANT, params={name: "200"}).status_code == status_of_good_get(client, path)

    problem = assert_problem(client.get(path, headers=TENANT, params={name: value}), 422, "invalid-request", name)
    assert problem["detail"] == f"{name}: integer out of range"


@pytest.mark.parametrize("name", ["http_status", "latency_ms"])
@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 99999999999, 2**63, 10**30, 1e20, 1e300])
def test_a_number_of_a_record_that_is_out_of_range_is_refused_by_name_and_place(
    client: TestClient, name: str, value: float
) -> None:
    wrong = record(**{name: value})
    assert send_json(client, record(**{name: 200})).status_code == 201

    for answer, place in (
        (send_json(client, wrong), {}),
        (send_json(client, [record(), wrong]), {"index": 1}),
        (send(client, lines([record(), record(), wrong])), {"line": 3}),
    ):
        problem = assert_problem(answer, 422, "invalid-request", name)
        assert problem["errors"] == [{"field": name, "detail": "integer out of range", **place}]
    assert len(records(client)) == 1


@pytest.mark.parametrize("text", ["200.0", "2e2", "2.00E+2", "2000e-1"])
def test_a_whole_number_may_be_written_as_json_allows(client: TestClient, text: str) -> None:
    one = json.dumps(record(http_status=0, latency_ms=0)).replace(": 0", f": {text}")
    for content, kind in ((one, "json"), (f"[{one}, {one}]", "json"), (f"{one}\n{one}\n", "x-ndjson")):
        assert send(client, content, kind=kind).status_code == 201

    found = records(client)
    assert [(item["http_status"], item["latency_ms"]) for item in found] == [(200, 200)] * 5
    assert all(type(item["http_status"]) is int for item in found)


@pytest.mark.parametrize("id_of_its_own", [False, True])
def test_a_whole_number_written_otherwise_keeps_the_rest_of_its_record(
    client: TestClient, *, id_of_its_own: bool
) -> None:
    given = {"id": "01900000-0000-7000-8000-0000000000fe"} if id_of_its_own else {"id": None}
    sent = record(**given, http_status=200.0, user_id='jane "é" 😀', trace_id="1.0e1")
    assert send(client, lines([sent])).status_code == 201

    (item,) = records(client)
    expected = {**sent, "id": given["id"] or item["id"], "http_status": 200}
    assert {name: item[name] for name in expected} == expected


@pytest.mark.parametrize("value", [200.5, 1e-3, "200", True, [200], {}])
def test_what_is_no_whole_number_is_refused_by_name(client: TestClient, value: Any) -> None:
    for answer in (
        send_json(client, record(latency_ms=value)),
        send_json(client, [record(latency_ms=value)]),
        send(client, lines([record(latency_ms=value)])),
    ):
        assert_problem(answer, 422, "invalid-request", "latency_ms")
    assert records(client) == []


TEXTS = ("agent_id", "trace_id", "user_id", "mode", "status", "order")


@pytest.mark.parametrize(
    ("path", "name"),
    [*((LOGS, name) for name in (*TEXTS, "cursor")), *((f"{LOGS}/export", name) for name in (*TEXTS, "format"))],
)
def test_a_nul_in_a_query_is_refused_by_name(client: TestClient, path: str, name: str) -> None:
    assert_problem(client.get(f"{path}?{name}=a%00b", headers=TENANT), 422, "invalid-request", name)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize("name", ["user_id", "mode"])
def test_a_text_of_an_execution_that_cannot_be_stored_is_refused_by_name(
    client: TestClient, name: str, text: str
) -> None:
    assert_problem(execute(client, **{name: text}), 422, "invalid-request", name)
    assert records(client) == []


@pytest.mark.parametrize("name", ["start_time", "end_time"])
@pytest.mark.parametrize("path", [LOGS, f"{LOGS}/export"])
def test_a_plus_that_became_a_space_is_explained(client: TestClient, path: str, name: str) -> None:
    good = status_of_good_get(client, path)
    for zone in ("%2B02:00", "Z"):
        assert client.get(f"{path}?{name}=2026-11-22T10:00:00{zone}", headers=TENANT).status_code == good

    answer = client.get(f"{path}?{name}=2026-11-22T10:00:00+02:00", headers=TENANT)
    problem = assert_problem(answer, 422, "invalid-request", name)
    assert "a plain + is a space in a query: send %2B, or Z" in problem["detail"]
    answer = client.get(f"{path}?{name}=2026-11-22T10:00:00", headers=TENANT)
    assert "%2B" not in assert_problem(answer, 422, "invalid-request", name)["detail"]


ENDS = ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-14:00"]


@pytest.mark.parametrize("time", ENDS)
@pytest.mark.parametrize("path", [LOGS, f"{LOGS}/export"])
def test_a_time_at_the_ends_of_the_calendar_is_a_time(client: TestClient, path: str, time: str) -> None:
    for _ in range(2):
        execute(client)
    for name in ("start_time", "end_time"):
        assert client.get(path, headers=TENANT, params={name: time}).status_code == status_of_good_get(client, path)
    first = client.get(LOGS, headers=TENANT, params={"start_time": ENDS[0], "end_time": ENDS[2], "limit": 1}).json()
    again = {"start_time": ENDS[0], "end_time": ENDS[2], "cursor": first["next_cursor"]}
    assert client.get(LOGS, headers=TENANT, params=again).json()["count"] == 1


@pytest.mark.parametrize("time", ENDS)
def test_a_record_from_the_ends_of_the_calendar_is_refused_by_name(
    database: TestDatabase, serve: Serve, time: str
) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")))
    key = database.issue_api_key("acme", "import", "read")
    assert send_json(client, record(created_at="2001-01-01T00:00:00Z"), api_key=key).status_code == 201

    for answer in (
        send_json(client, record(created_at=time), api_key=key),
        send(client, lines([record(created_at=time)]), api_key=key),
    ):
        assert_problem(answer, 422, "invalid-request", "created_at")
    assert [item["created_at"] for item in records(client, api_key=key)] == ["2001-01-01T00:00:00.000000Z"]
