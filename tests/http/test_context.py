"""The context of a record: what is taken on each way, what is refused by its name, and what finds it again."""

import hashlib
import json
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.model.context import CONTEXT_NAMES, HASH_NAMES
from app.model.uuid_v7 import uuid_v7
from tests.http.test_export import exported, in_database
from tests.support.bulk_calls import lines, record, send, send_json
from tests.support.calls import assert_problem, execute, records
from tests.support.stores import Store

LOGS = "/api/v1/audit/logs"
CONTEXT = {"event": "loan.refused", "resource": 'é 😀 "\\" \n', "approver": 7, "policy_id": 1.5, "origin": False}


def contexts(client: TestClient, **query: Any) -> list[dict[str, Any] | None]:
    return [item["context"] for item in records(client, **query)]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_dry_run_records_what_the_agent_would_get_and_what_was_answered(client: TestClient) -> None:
    answer = execute(client, input={"name": "Zoë", "amount": 1200}, context=CONTEXT)

    output = answer.text.partition('"output":')[2][:-1]
    assert json.loads(output) == answer.json()["output"]
    hashes = {"input_sha256": sha256('{"name": "Zo\\u00eb", "amount": 1200}'), "output_sha256": sha256(output)}
    assert contexts(client) == [CONTEXT | hashes]


def test_a_refused_execution_records_what_the_agent_would_have_got(client: TestClient) -> None:
    assert_problem(execute(client, mode="LIVE", input={"amount": 1}, context=CONTEXT), 403, "live-disabled")
    assert contexts(client) == [CONTEXT | {"input_sha256": sha256('{"amount": 1}')}]


def test_a_large_input_has_its_hash_too(client: TestClient) -> None:
    text = "x" * 100_000
    assert execute(client, input={"text": text}).status_code == 200
    (context,) = contexts(client)
    assert context
    assert context["input_sha256"] == sha256(f'{{"text": "{text}"}}')


def test_records_of_other_services_bring_every_name_there_is(client: TestClient) -> None:
    whole = {name: f"of {name}" for name in CONTEXT_NAMES}
    sent = [record(context=whole), record(context=CONTEXT), record(context={}), record(context=None), record()]
    for answer in (send_json(client, sent), send(client, lines(sent)), *(send_json(client, each) for each in sent)):
        assert answer.status_code == 201, answer.text

    assert contexts(client) == [whole, CONTEXT, {}, None, None] * 3


@in_database
def test_the_text_that_is_stored_is_the_same_on_every_way(client: TestClient) -> None:
    context = '{ "resource" : "\\u00e9\\/\\n" ,  "event":"x", "approver": 1.50 }'
    one = f'{{"agent_id": "a", "mode": "LIVE", "status": "success", "context": {context}}}'
    for content, kind in ((one, "json"), (f"[{one}]", "json"), (one, "x-ndjson")):
        assert send(client, content, kind=kind).status_code == 201

    text = client.get(LOGS, headers={"X-Tenant-ID": "acme"}).text
    assert text.count('"context":{"resource":"é/\\n","event":"x","approver":1.5}') == 3


@in_database
def test_a_record_comes_again_with_its_context_and_not_with_another(client: TestClient) -> None:
    first = record(id=str(uuid_v7()), context=CONTEXT)
    for same in (send_json(client, first), send(client, lines([first])), send_json(client, [first])):
        assert same.status_code == 201, same.text
    for other in (first | {"context": None}, first | {"context": {**CONTEXT, "event": "x"}}):
        assert_problem(send_json(client, other), 422, "invalid-request", "id")
    assert contexts(client) == [CONTEXT]


REFUSED: list[tuple[Any, str]] = [
    ({"prompt": "canary"}, "context.prompt"),
    ({"event": "a", "x" * 100: "a"}, "context." + "x" * 56),
    ({"Event": "a"}, "context.Event"),
    ({"\ud800": "a"}, "context.\\ud800"),
    ({"event": None}, "context.event"),
    ({"event": {"event": "a"}}, "context.event"),
    ({"event": ["a"]}, "context.event"),
    ({"event": "a\0"}, "context.event"),
    ({"event": "\ud800"}, "context.event"),
    ({"event": "x" * 4096}, "context"),
    ({"event": "é" * 2045}, "context"),
    ([], "context"),
    ("event", "context"),
    (1, "context"),
]


@pytest.mark.parametrize(("context", "field"), REFUSED)
def test_a_context_that_is_none_is_refused_on_every_way_naming_the_member(
    client: TestClient, context: Any, field: str
) -> None:
    refused = execute(client, context=context)
    assert_problem(refused, 422, "invalid-request", field)
    assert "canary" not in refused.text
    bad = record(context=context)
    assert_problem(send_json(client, bad), 422, "invalid-request", field)
    for answer in (send_json(client, [record(), bad]), send(client, lines([record(), bad]))):
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field
    assert records(client) == []
    assert execute(client, context={"event": "a"}).status_code == 200


def test_a_name_twice_is_refused(client: TestClient) -> None:
    twice = b'{"agent_id": "a", "mode": "LIVE", "status": "success", "context": {"event": "a", "event": "b"}}'
    for kind in ("json", "x-ndjson"):
        assert send(client, twice, kind=kind).json()["errors"][0]["field"] == "body"
        assert send(client, twice.replace(b'"event": "b"', b'"origin": "b"'), kind=kind).status_code == 201


def test_the_largest_context_is_taken(client: TestClient) -> None:
    # {"event":""} takes twelve bytes, an é two.
    largest = {"event": "é" * 2042}
    assert send_json(client, record(context=largest)).status_code == 201
    assert_problem(send_json(client, record(context={"event": "é" * 2042 + "x"})), 422, "invalid-request", "context")
    of_execute = {"event": "x" * 3888}
    answer = execute(client, context=of_execute)
    assert answer.status_code == 200, answer.text
    assert_problem(execute(client, context={"event": "x" * 3889}), 422, "invalid-request", "context")
    stored = contexts(client)
    assert (stored[0], len(stored)) == (largest, 2)
    assert stored[1]
    assert {name: stored[1][name] for name in of_execute} == of_execute


@pytest.mark.parametrize("name", HASH_NAMES)
def test_a_hash_that_the_service_sets_is_not_taken_from_the_caller(client: TestClient, name: str) -> None:
    assert_problem(execute(client, context={name: "0" * 64}), 422, "invalid-request", f"context.{name}")
    assert records(client) == []
    assert send_json(client, record(context={name: "0" * 64})).status_code == 201


def test_every_name_is_a_filter(client: TestClient) -> None:
    for name in CONTEXT_NAMES:
        assert send_json(client, record(context={name: "a"})).status_code == 201
        assert send_json(client, record(context={name: "b"})).status_code == 201
    for name in CONTEXT_NAMES:
        assert contexts(client, **{f"context.{name}": "a"}) == [{name: "a"}]
    assert contexts(client, **{"context.event": "a", "context.origin": "a"}) == []


def test_filters_of_a_context_agree_with_each_other_and_with_those_of_columns(client: TestClient) -> None:
    first, second = {"event": "a", "origin": "x"}, {"event": "a", "origin": "y"}
    for context in (first, second):
        assert send_json(client, record(context=context)).status_code == 201
    assert contexts(client, **{"context.event": "a"}) == [first, second]
    assert contexts(client, **{"context.event": "a", "context.origin": "y"}) == [second]
    assert contexts(client, **{"context.event": "a", "agent_id": "other"}) == []
    assert contexts(client, **{"context.event": "a", "agent_id": "scoring", "order": "desc"}) == [second, first]


@pytest.mark.parametrize("query", ["context.prompt=a", "context=a", "context.=a", "context.event=a&context.event=a"])
def test_a_filter_that_no_record_could_pass_is_refused(client: TestClient, query: str) -> None:
    field = query.partition("=")[0]
    answer = client.get(f"{LOGS}?{query}", headers={"X-Tenant-ID": "acme"})
    assert_problem(answer, 422, "invalid-request", field)
    assert client.get(f"{LOGS}?context.event=a", headers={"X-Tenant-ID": "acme"}).status_code == 200


def test_a_cursor_belongs_to_the_filters_of_its_list(client: TestClient) -> None:
    for number in range(3):
        assert send_json(client, record(context={"event": "a", "resource": number})).status_code == 201
    query = {"context.event": "a", "limit": 2}
    first = client.get(LOGS, headers={"X-Tenant-ID": "acme"}, params=query).json()
    rest = client.get(LOGS, headers={"X-Tenant-ID": "acme"}, params=query | {"cursor": first["next_cursor"]}).json()
    assert [item["context"]["resource"] for item in first["items"] + rest["items"]] == [2, 1, 0]
    other = query | {"cursor": first["next_cursor"], "context.event": "b"}
    answer = client.get(LOGS, headers={"X-Tenant-ID": "acme"}, params=other)
    assert_problem(answer, 422, "invalid-request", "cursor")


@in_database
def test_an_export_has_the_context_and_takes_the_same_filters(client: TestClient) -> None:
    for event in ("a", "b"):
        assert send_json(client, record(context={"event": event})).status_code == 201
    assert exported(client) == records(client)[::-1]
    assert [item["context"] for item in exported(client, **{"context.event": "b"})] == [{"event": "b"}]


def test_a_record_shows_when_it_was_written_and_the_public_id_of_its_key(client: TestClient, store: Store) -> None:
    execute(client)
    (item,) = records(client)
    key = store.api_keys.get("acme")
    assert item["api_key_id"] == (key.split("_")[1] if key else None)
    assert datetime.fromisoformat(item["recorded_at"]) >= datetime.fromisoformat(item["created_at"])
    assert client.get(f"{LOGS}/{item['id']}", headers={"X-Tenant-ID": "acme"}).json() == item


def test_records_are_found_by_the_key_that_wrote_them(client: TestClient, store: Store) -> None:
    execute(client)
    assert records(client, api_key_id="0" * 16) == []
    if "acme" in store.api_keys:
        assert len(records(client, api_key_id=store.api_keys["acme"].split("_")[1])) == 1
        assert records(client, api_key_id=store.api_keys["globex"].split("_")[1]) == []
