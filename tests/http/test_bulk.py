"""POST /api/v1/audit/logs: one record, an array, or lines; all of them are stored, or none."""

import json
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from app.model.uuid_v7 import uuid_v7
from tests.conftest import Serve
from tests.support.bulk_calls import lines, record, send, send_json
from tests.support.calls import assert_problem, records

FULL = {
    "trace_id": "trace 😀", "agent_id": "scoring", "mode": "LIVE", "status": "error", "http_status": 502,
    "latency_ms": 17, "user_id": 'jane "\\" \n', "error": "bad gateway",
}  # fmt: skip


def stored(client: TestClient, tenant: str = "acme") -> list[dict[str, Any]]:
    return [{name: item[name] for name in FULL} for item in records(client, tenant)]


def test_one_record_is_stored_with_all_its_fields_and_its_id_answered(client: TestClient) -> None:
    answer = send_json(client, FULL)

    assert answer.status_code == 201, answer.text
    (item,) = records(client)
    assert answer.json() == {"tenant_id": "acme", "count": 1, "id": item["id"]}
    assert UUID(item["id"]).version == 7
    assert stored(client) == [FULL]


def test_an_array_and_lines_are_stored_with_all_their_fields(client: TestClient) -> None:
    minimal = record()
    for answer in (send_json(client, [FULL, minimal]), send(client, lines([FULL, minimal]))):
        assert answer.status_code == 201, answer.text
        assert answer.json() == {"tenant_id": "acme", "count": 2, "id": None}

    empty = dict.fromkeys(FULL) | minimal
    assert sorted(map(str, stored(client))) == sorted(map(str, [FULL, empty] * 2))
    assert records(client, "globex") == []


def test_lines_may_end_as_on_other_systems_and_the_last_without_a_newline(client: TestClient) -> None:
    content = lines([record(), record()]).replace(b"\n", b"\r\n").rstrip()
    assert send(client, content).json()["count"] == 2
    assert len(records(client)) == 2


BOM = b"\xef\xbb\xbf"


def test_a_byte_order_mark_at_the_beginning_is_no_part_of_the_records(client: TestClient) -> None:
    named = record(id=str(uuid_v7()))
    for content, kind in (
        (lines([record(), record()]), "x-ndjson"),
        (lines([named, record()]), "x-ndjson"),
        (lines([record()]).rstrip(b"\n"), "x-ndjson"),
        (json.dumps(record()).encode(), "json"),
        (json.dumps([record(), record()]).encode(), "json"),
    ):
        assert send(client, BOM + content, kind=kind).status_code == 201, content
    assert len(records(client)) == 8


@pytest.mark.parametrize("kind", ["x-ndjson", "json"])
@pytest.mark.parametrize("content", [b"", BOM, BOM[:2]])
def test_a_byte_order_mark_alone_is_no_record_and_a_second_is_refused(
    client: TestClient, kind: str, content: bytes
) -> None:
    assert_problem(send(client, BOM + content, kind=kind), 422, "invalid-request", "body")
    assert_problem(send(client, BOM * 2 + content + lines([record()]), kind=kind), 422, "invalid-request", "body")
    assert_problem(send(client, lines([record()]) + BOM + lines([record()])), 422, "invalid-request", "body")
    assert records(client) == []


def test_a_record_may_bring_its_id_and_come_again_without_being_stored_twice(client: TestClient) -> None:
    ids = [str(uuid_v7()) for _ in range(3)]
    batch = [record(id=each) for each in ids]

    assert send_json(client, batch[0]).json()["id"] == ids[0]
    for _ in range(2):
        assert send(client, lines(batch)).status_code == 201
        assert send_json(client, batch).status_code == 201
    assert send(client, lines(record(id=each.upper()) for each in ids)).status_code == 201
    assert [item["id"] for item in records(client)] == ids


def test_fields_that_are_null_are_fields_that_are_not_given(client: TestClient) -> None:
    batch = [record(id=None, trace_id=None, http_status=None, created_at=None)] * 2
    assert send(client, lines(batch)).status_code == 201
    assert len({item["id"] for item in records(client)}) == 2


BAD: list[tuple[Any, str]] = [
    (record(mode="TEST"), "mode"),
    (record(status="done"), "status"),
    (record(agent_id=""), "agent_id"),
    (record(agent_id="x" * 129), "agent_id"),
    (record(agent_id=7), "agent_id"),
    (record(agent_id=None), "agent_id"),
    ({"agent_id": "a", "mode": "LIVE"}, "status"),
    ({"agent_id": "a", "status": "success"}, "mode"),
    (record(http_status=99), "http_status"),
    (record(http_status="200"), "http_status"),
    (record(http_status=True), "http_status"),
    (record(http_status=200.5), "http_status"),
    (record(latency_ms=-1), "latency_ms"),
    (record(latency_ms=2**31), "latency_ms"),
    (record(user_id="u" * 257), "user_id"),
    (record(error="e" * 2001), "error"),
    (record(trace_id="t" * 129), "trace_id"),
    (record(user_id="\0"), "user_id"),
    (record(user_id="\ud800"), "user_id"),
    (record(id="1"), "id"),
    (record(id=f"{{{uuid_v7()}}}"), "id"),
    (record(tenant_id="globex"), "tenant_id"),
    (record(created="now"), "created"),
    ([], "body"),
    ("text", "body"),
    (7, "body"),
    (None, "body"),
]


@pytest.mark.parametrize(("bad", "field"), BAD, ids=lambda value: repr(value)[:60])
def test_the_first_bad_record_is_named_and_nothing_is_stored(client: TestClient, bad: Any, field: str) -> None:
    batch = [record(), record(), bad, record(), {"worse": True}]

    problem = assert_problem(send(client, lines(batch)), 422, "invalid-request", field)
    assert problem["errors"][0]["line"] == 3
    assert problem["detail"].startswith("line 3: ")
    problem = assert_problem(send_json(client, batch[:4]), 422, "invalid-request", field)
    assert problem["errors"][0]["index"] == 2
    if not isinstance(bad, list):  # which is an array of none
        problem = assert_problem(send_json(client, bad), 422, "invalid-request", field)
        assert not {"line", "index"} & problem["errors"][0].keys()
    assert records(client) == []
    assert send(client, lines(batch[:2])).status_code == 201


@pytest.mark.parametrize(
    "line",
    [b"{", b"{}}", b'{"agent_id": NaN}', b'{"mode": "LIVE", "mode": "LIVE"}', b"\xff", b"", b" \t", b"{} {}", b"'a'"],
)
def test_a_line_that_is_not_one_clear_json_object_is_named(client: TestClient, line: bytes) -> None:
    good = lines([record()])
    answer = send(client, good * 2 + line + b"\n" + good)
    field = "agent_id" if line == b"{}" else "body"
    assert assert_problem(answer, 422, "invalid-request", field)["errors"][0]["line"] == 3
    assert records(client) == []


def test_a_bad_record_far_behind_is_named_by_its_line(client: TestClient) -> None:
    batch = [record(user_id=f"u{number}") for number in range(4500)]
    batch[4321]["mode"] = "TEST"

    problem = assert_problem(send(client, lines(batch)), 422, "invalid-request", "mode")

    assert problem["errors"][0] == {
        "field": "mode", "detail": "DRY_RUN or LIVE; unknown in imported history.", "line": 4322
    }  # fmt: skip
    assert records(client) == []


def test_a_body_that_is_cut_off_in_the_middle_of_a_line_is_refused(client: TestClient) -> None:
    whole = lines([record(), record()])
    assert_problem(send(client, whole[:-10]), 422, "invalid-request", "body")
    assert records(client) == []
    assert send(client, whole).status_code == 201


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_a_request_without_a_record_is_refused(client: TestClient, content: bytes) -> None:
    assert_problem(send(client, content), 422, "invalid-request", "body")
    assert_problem(send(client, content, kind="json"), 422, "invalid-request", "body")
    assert_problem(send_json(client, []), 422, "invalid-request", "body")


@pytest.mark.parametrize("kind", ["json", "x-ndjson"])
def test_a_body_beyond_the_limit_is_refused_and_nothing_of_it_stored(serve_each: Serve, kind: str) -> None:
    content = lines([record()]) * 10
    if kind == "json":
        content = json.dumps([record()] * 10).encode()
    client = serve_each(max_body_bytes=len(content), max_bulk_bytes=len(content))

    assert send(client, content, kind=kind).status_code == 201
    assert_problem(send(client, content + b" ", kind=kind), 413, "body-too-large")
    assert len(records(client)) == 10


def test_a_line_beyond_the_limit_is_refused(client: TestClient) -> None:
    padding = b" " * (65_536 - len(lines([record()])) + 1)
    assert send(client, padding + lines([record()])).status_code == 201
    answer = send(client, b" " + padding + lines([record()]))
    assert assert_problem(answer, 422, "invalid-request", "body")["errors"][0]["line"] == 1
    assert send(client, padding + lines([record()])).status_code == 201
    assert len(records(client)) == 2


def test_another_media_type_is_refused(client: TestClient) -> None:
    for kind in ("octet-stream", "jsonl", "x-ndjson+json"):
        assert_problem(send(client, lines([record()]), kind=kind), 422, "invalid-request", "body")
    assert send(client, lines([record()]), kind="x-ndjson; charset=utf-8").status_code == 201


def test_an_unknown_query_parameter_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/audit/logs?dry=1", headers={"X-Tenant-ID": "acme"}, json=record())
    assert_problem(answer, 422, "invalid-request", "dry")


def test_the_ids_that_are_made_are_of_version_7_unique_and_in_order(client: TestClient) -> None:
    before = uuid_v7()
    assert send(client, lines([record(user_id=f"u{number}") for number in range(1000)])).status_code == 201
    after = uuid_v7()

    found = sorted(records(client), key=lambda item: int(item["user_id"][1:]))
    ids = [UUID(item["id"]) for item in found]
    assert {(each.version, each.variant) for each in ids} == {(7, before.variant)}
    assert len(set(ids)) == 1000
    # To the fraction of a millisecond that they hold, times only grow.
    times = [each.int >> 64 for each in (before, *ids, after)]
    assert times == sorted(times)
    assert len({each.int & (2**62 - 1) for each in ids}) == 1000
