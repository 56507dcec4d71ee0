"""GET /api/v1/audit/logs/{id}: one record as the list shows it, and of another tenant's nothing."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.model.uuid_v7 import uuid_v7
from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import record, send_json
from tests.support.calls import assert_problem, bearer, execute, page, records

LOGS = "/api/v1/audit/logs"


def get(client: TestClient, record_id: str, tenant: str = "acme", **query: str) -> Any:
    return client.get(f"{LOGS}/{record_id}", headers={"X-Tenant-ID": tenant}, params=query)


def test_the_id_in_an_answer_leads_to_the_record(client: TestClient) -> None:
    executed = execute(client, agent="kyc", user_id='jane "é" 😀')
    answer = get(client, executed.json()["id"])

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert [answer.json()] == records(client)
    assert list(answer.json()) == list(records(client)[0])


def test_it_shows_what_the_list_shows_of_a_record_with_every_field_and_of_one_with_few(client: TestClient) -> None:
    full = record(trace_id="t", http_status=502, latency_ms=17, user_id="jane", error="bad gateway")
    for each in (full, record()):
        assert send_json(client, each).status_code == 201

    for listed in records(client):
        assert get(client, listed["id"]).json() == listed
        assert get(client, listed["id"].upper()).json() == listed


def test_another_tenants_record_is_answered_like_one_that_nobody_wrote(client: TestClient) -> None:
    record_id = execute(client).json()["id"]
    assert get(client, record_id).status_code == 200

    told = []
    for answer in (get(client, record_id, "globex"), get(client, str(uuid_v7()), "globex")):
        problem = assert_problem(answer, 404, "record-not-found")
        told.append(({**problem, "trace_id": None}, {**answer.headers, "x-trace-id": None}))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "record_id",
    [
        "1", "x", "01900000-0000-7000-8000-00000000000", "01900000-0000-7000-8000-00000000000aa", "%20", "export%20",
        "019000000000700080000000000000aa", "%7B01900000-0000-7000-8000-00000000000a%7D", "urn:uuid:01900000",
        "01900000-0000-7000-8000-00000000000g", "01900000-0000-7000-8000-00000000000%00", "%D9%A01900000-0000-7000",
    ],
)  # fmt: skip
def test_what_is_no_uuid_is_refused_by_name(client: TestClient, record_id: str) -> None:
    problem = assert_problem(get(client, record_id), 422, "invalid-request", "id")
    assert problem["detail"] == "id: a UUID is needed"


def test_a_parameter_that_it_does_not_know_is_refused(client: TestClient) -> None:
    record_id = execute(client).json()["id"]
    assert get(client, record_id).status_code == 200
    assert_problem(get(client, record_id, limit="1"), 422, "invalid-request", "limit")


@pytest.mark.parametrize("path", [f"{LOGS}/", f"{LOGS}/a/b", f"{LOGS}//"])
def test_a_path_of_more_or_fewer_parts_is_not_found(client: TestClient, path: str) -> None:
    assert_problem(client.get(path, headers={"X-Tenant-ID": "acme"}), 404, "not-found")


def test_without_a_credential_nothing_is_told(client: TestClient) -> None:
    record_id = execute(client).json()["id"]
    for answer in (client.get(f"{LOGS}/{record_id}"), client.get(f"{LOGS}/{uuid_v7()}")):
        assert answer.status_code in (400, 401)


def test_a_key_that_only_writes_is_refused(database: TestDatabase, serve: Serve) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")))
    both = database.issue_api_key("acme")
    record_id = execute(client, api_key=both).json()["id"]
    writer, reader = (database.issue_api_key("acme", scope) for scope in ("write", "read"))

    assert_problem(client.get(f"{LOGS}/{record_id}", headers=bearer(writer)), 403, "scope-missing")
    assert client.get(f"{LOGS}/{record_id}", headers=bearer(reader)).json() == page(client, api_key=reader)["items"][0]
