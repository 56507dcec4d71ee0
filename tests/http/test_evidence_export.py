"""GET /api/v1/audit/logs/export?format=evidence: a file that proves itself, whole or for a window of time."""

import gzip
import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import lines, record, send
from tests.support.calls import assert_problem, bearer, execute, records
from tests.support.rfc6962 import leaf_hash, root
from tests.support.sealing import seal, sealed_and_signed, verify_note

EXPORT = "/api/v1/audit/logs/export"


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()


def export(client: TestClient, tenant: str = "acme", **query: Any) -> Any:
    return client.get(EXPORT, headers={"X-Tenant-ID": tenant}, params={"format": "evidence"} | query)


def parsed(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.split("\n")[:-1]]


def test_it_has_every_leaf_and_the_checkpoint_that_they_lead_to(client: TestClient, database: TestDatabase) -> None:
    written = [execute(client, user_id=f"user {number}").json()["id"] for number in range(3)]
    signed = sealed_and_signed(database)
    answer = export(client)
    assert answer.headers["content-type"] == "application/x-ndjson"

    header, epoch, *leaves, checkpoint, mark = parsed(answer)
    assert (header["evidence"], header["tenant_id"], header["epochs"], header["window"]) == (1, "acme", [1], None)
    assert epoch == {"epoch": 1, "size": 3}
    assert [leaf["id"] for leaf in leaves[::2]] == written
    assert [private["user_id"] for private in leaves[1::2]] == [f"user {number}" for number in range(3)]
    assert checkpoint == {"checkpoint": signed}
    assert mark == {"complete": True, "records": 3}
    exact = [line.encode() for line in answer.text.split("\n") if line.startswith('{"version":')]
    assert verify_note(signed, "acme") == (3, root(tuple(map(leaf_hash, exact))))


def test_its_file_is_named_after_tenant_and_time(client: TestClient, database: TestDatabase) -> None:
    execute(client)
    sealed_and_signed(database)
    name = export(client).headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="evidence_acme_\d{4}-\d\d-\d\dT\d{6}Z\.ndjson"', name)


def test_an_export_of_many_leaves_arrives_whole_and_compressed(client: TestClient, database: TestDatabase) -> None:
    assert send(client, lines(record(user_id="x" * 200) for _ in range(5_000))).status_code == 201
    signed = sealed_and_signed(database)
    answer = client.get(
        EXPORT, headers={"X-Tenant-ID": "acme", "Accept-Encoding": "gzip"}, params={"format": "evidence"}
    )
    assert answer.headers["content-encoding"] == "gzip"
    exact = tuple(leaf_hash(line) for line in answer.content.split(b"\n") if line.startswith(b'{"version":'))
    assert verify_note(signed, "acme") == (5_000, root(exact))
    assert len(gzip.compress(answer.content)) < len(answer.content)


def test_what_is_not_signed_yet_is_left_to_the_next_export(client: TestClient, database: TestDatabase) -> None:
    execute(client)
    sealed_and_signed(database)
    execute(client)
    seal(database)
    *_, mark = parsed(export(client))
    assert mark == {"complete": True, "records": 1}
    sealed_and_signed(database)
    *_, mark = parsed(export(client))
    assert mark == {"complete": True, "records": 2}


def test_a_tenant_without_a_checkpoint_is_told_to_ask_again(client: TestClient, database: TestDatabase) -> None:
    execute(client)
    seal(database)
    answer = export(client)
    assert_problem(answer, 409, "not-sealed-yet")
    assert answer.headers["retry-after"] == "2"
    sealed_and_signed(database)
    assert export(client).status_code == 200


def test_a_window_shows_its_records_and_stands_for_the_others(client: TestClient, database: TestDatabase) -> None:
    for _ in range(5):
        execute(client)
    sealed_and_signed(database)
    times = [each["created_at"] for each in records(client)]
    found = parsed(export(client, start_time=times[1], end_time=times[3]))
    assert found[0]["window"] == {"start_time": times[1], "end_time": times[3]}
    assert [line["created_at"] for line in found if "version" in line] == times[1:3]
    assert sum(line.get("omitted", 0) for line in found) == 3
    assert found[-1] == {"complete": True, "records": 2}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"agent_id": "kyc"}, "agent_id"), ({"trace_id": "t"}, "trace_id"), ({"user_id": "jane"}, "user_id"),
        ({"mode": "LIVE"}, "mode"), ({"status": "success"}, "status"), ({"http_status": 200}, "http_status"),
        ({"bom": "true"}, "bom"),
    ],
)  # fmt: skip
def test_a_filter_that_would_leave_out_leaves_is_refused_by_name(
    client: TestClient, database: TestDatabase, query: dict[str, Any], field: str
) -> None:
    execute(client)
    sealed_and_signed(database)
    assert export(client).status_code == 200
    assert_problem(export(client, **query), 422, "invalid-request", field)
    others = {"format": "csv"} | query
    assert client.get(EXPORT, headers={"X-Tenant-ID": "acme"}, params=others).status_code == 200


def test_it_is_recorded_as_an_export_and_head_is_not(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_url=database.url("audit_app"))
    key = database.issue_api_key("acme", "read")
    execute(client, api_key=database.issue_api_key("acme", "write"))
    sealed_and_signed(database)
    exports = "SELECT count(*) FROM audit.admin_events WHERE act = 'records exported'"
    head = client.head(EXPORT, headers=bearer(key), params={"format": "evidence"})
    assert (head.status_code, head.headers["content-type"]) == (200, "application/x-ndjson")
    assert database.execute(exports) == [(0,)]
    assert client.get(EXPORT, headers=bearer(key), params={"format": "evidence"}).status_code == 200
    assert database.execute(exports) == [(1,)]


def test_a_tenant_gets_its_own_leaves_alone(client: TestClient, database: TestDatabase) -> None:
    mine = execute(client).json()["id"]
    execute(client, "globex")
    sealed_and_signed(database)
    assert [line["id"] for line in parsed(export(client)) if "version" in line] == [mine]
    assert mine not in export(client, "globex").text


def test_a_service_on_a_file_has_none(serve_file: Serve) -> None:
    assert_problem(export(serve_file()), 501, "export-unavailable")
