"""POST /api/v1/agents/{agent_id}/execute, as far as no agent is called."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve
from tests.support.calls import assert_problem, execute, records, status_of_good_get


def test_a_dry_run_answers_with_the_record_that_it_stored(client: TestClient) -> None:
    answer = execute(client, agent="credit-scoring", input={"amount": 1200}, user_id="u-1")

    assert answer.status_code == 200
    body = answer.json()
    output = body.pop("output")
    assert output == {"would_call": None, "live_enabled": False}
    (record,) = records(client)
    assert {name: record[name] for name in body} == body
    assert body["tenant_id"] == "acme"
    assert body["agent_id"] == "credit-scoring"
    assert body["mode"] == "DRY_RUN"
    assert body["status"] == "success"
    assert (body["http_status"], body["latency_ms"]) == (None, None)
    assert (record["user_id"], record["error"]) == ("u-1", None)


def test_dry_run_is_the_default_and_may_be_said(client: TestClient) -> None:
    assert execute(client).json()["mode"] == "DRY_RUN"
    assert execute(client, mode="DRY_RUN").json()["mode"] == "DRY_RUN"


def test_ids_are_uuids_of_version_7_in_the_order_of_the_executions(client: TestClient) -> None:
    ids = [execute(client).json()["id"] for _ in range(5)]

    assert {uuid.UUID(id_).version for id_ in ids} == {7}
    assert ids == sorted(ids)
    assert [record["id"] for record in records(client)] == ids


def test_neither_the_input_nor_the_output_is_stored(client: TestClient) -> None:
    execute(client, input={"prompt": "canary"}, user_id="u-1")

    (record,) = records(client)
    assert "canary" not in str(record)
    assert set(record) == {
        "id", "trace_id", "tenant_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error",
        "created_at", "recorded_at", "api_key_id", "context",
    }  # fmt: skip


def test_live_is_refused_while_it_is_disabled_and_the_refusal_is_recorded(client: TestClient) -> None:
    answer = execute(client, mode="LIVE", user_id="u-1")

    problem = assert_problem(answer, 403, "live-disabled")
    (record,) = records(client)
    assert (record["mode"], record["status"], record["error"]) == ("LIVE", "denied", "LIVE is disabled")
    assert (record["http_status"], record["latency_ms"]) == (None, None)
    assert record["trace_id"] == problem["trace_id"]
    assert record["user_id"] == "u-1"


@pytest.mark.parametrize("agent", ["a b", "ä€😀", "%", "x" * 128, "a?b#c", "'; DROP TABLE audit_logs; --"])
def test_an_agent_may_have_any_name_of_1_to_128_characters(client: TestClient, agent: str) -> None:
    path = "".join(f"%{byte:02x}" for byte in agent.encode())
    answer = client.post(f"/api/v1/agents/{path}/execute", headers={"X-Tenant-ID": "acme"}, json={"input": {}})

    assert answer.status_code == 200, answer.text
    assert answer.json()["agent_id"] == agent
    assert [record["agent_id"] for record in records(client)] == [answer.json()["agent_id"]]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"mode": "live"}, "mode"),
        ({"mode": ""}, "mode"),
        ({"mode": None}, "mode"),
        ({"mode": 1}, "mode"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": "text"}, "input"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 257}, "user_id"),
        ({"user_id": 7}, "user_id"),
        ({"tenant_id": 7}, "tenant_id"),
        ({"status": "success"}, "status"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_naming_the_field_and_nothing_is_recorded(
    client: TestClient, changed: dict[str, Any], field: str
) -> None:
    assert_problem(execute(client, **changed), 422, "invalid-request", field)
    assert records(client) == []


def test_a_body_without_input_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/agents/a/execute", headers={"X-Tenant-ID": "acme"}, json={})

    assert_problem(answer, 422, "invalid-request", "input")


def test_the_longest_names_are_stored_and_longer_ones_refused(client: TestClient) -> None:
    assert execute(client, agent="a" * 128, user_id="😀" * 256).status_code == 200
    assert_problem(execute(client, agent="a" * 129), 422, "invalid-request", "agent_id")
    assert_problem(execute(client, user_id="😀" * 257), 422, "invalid-request", "user_id")
    assert len(records(client)) == 1


@pytest.mark.parametrize("text", ["nul\0", "\ud800", "\udfff\ud800"])
@pytest.mark.parametrize("field", ["user_id", "mode"])
def test_nul_and_lone_surrogates_are_the_callers_error_and_the_field_is_named(
    client: TestClient, field: str, text: str
) -> None:
    assert_problem(execute(client, **{field: text}), 422, "invalid-request", field)
    assert execute(client, user_id="\U0001f600").status_code == 200
    assert len(records(client)) == 1


def test_a_nul_in_the_agents_name_is_the_callers_error(client: TestClient) -> None:
    assert_problem(execute(client, agent="a%00b"), 422, "invalid-request", "agent_id")
    assert records(client) == []


def test_a_byte_order_mark_before_the_body_is_no_part_of_it(client: TestClient) -> None:
    def post(body: bytes) -> Any:
        headers = {"X-Tenant-ID": "acme", "Content-Type": "application/json"}
        return client.post("/api/v1/agents/a/execute", headers=headers, content=body)

    assert post(b'\xef\xbb\xbf{"input": {}}').status_code == 200
    assert_problem(post(b'\xef\xbb\xbf\xef\xbb\xbf{"input": {}}'), 422, "invalid-request", "body")
    assert_problem(post(b"\xef\xbb\xbf"), 422, "invalid-request", "body")
    assert len(records(client)) == 1


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\udfff\0", "", "u" * 257, 7], ids=lambda text: repr(text)[:9])
def test_the_same_fault_is_told_in_the_same_words_on_both_routes(client: TestClient, text: object) -> None:
    told = [
        execute(client, user_id=text).json()["errors"],
        client.post(
            "/api/v1/audit/logs",
            headers={"X-Tenant-ID": "acme", "Content-Type": "application/json"},
            content=json.dumps({"agent_id": "a", "mode": "LIVE", "status": "success", "user_id": text}),
        ).json()["errors"],
    ]
    assert told[0] == told[1]
    assert [error["field"] for error in told[0]] == ["user_id"]
    assert records(client) == []


@pytest.mark.parametrize("path", ["/api/v1/audit/logs", "/api/v1/audit/logs/export"])
def test_a_filter_that_no_record_can_hold_is_named(client: TestClient, path: str) -> None:
    headers = {"X-Tenant-ID": "acme"}
    assert_problem(client.get(f"{path}?user_id=a%00", headers=headers), 422, "invalid-request", "user_id")
    good = client.get(f"{path}?user_id=a", headers=headers)
    assert good.status_code == status_of_good_get(client, path)


def test_a_dry_run_says_where_a_configured_agent_would_be_called_without_its_query(
    serve_each: Serve, agents_file: Path
) -> None:
    client = serve_each(agents_file=agents_file, live_enabled=True)

    answer = execute(client)

    assert answer.json()["output"] == {
        "would_call": {"method": "POST", "url": "https://agents.invalid/score"},
        "live_enabled": True,
    }


@pytest.fixture
def agents_file(tmp_path: Path) -> Path:
    file = tmp_path / "agents.toml"
    file.write_text('[agents.credit-scoring]\nurl = "https://agents.invalid/score?token=s3cret"\n')
    return file
