"""POST /v1/traces: which spans become records, what of a span a record has, and what is said of the others."""

import json
from typing import Any
from uuid import UUID

import openapi_spec_validator
import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from app.services.otlp.spans import CONTEXT
from tests.conftest import Serve
from tests.support.calls import assert_problem, records
from tests.support.otlp import START, TRACES, as_json, export, post, refused, request, span, taken, zipped

NAMES = ("trace_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error", "context")
PLAIN = {
    "trace_id": "000102030405060708090a0b0c0d0e0f", "agent_id": "kyc", "mode": "LIVE", "status": "success",
    "http_status": None, "latency_ms": 41, "user_id": None, "error": None, "context": {"span_id": "0000000000000001"},
}  # fmt: skip
JSON = "application/json"


@pytest.fixture
def client(serve_each: Serve) -> TestClient:
    return serve_each(otlp_enabled=True)


def stored(client: TestClient, tenant: str = "acme") -> list[dict[str, Any]]:
    return [{name: item[name] for name in NAMES} for item in records(client, tenant)]


def test_the_path_does_not_exist_unless_it_is_enabled(serve_each: Serve) -> None:
    off, on = serve_each(), serve_each(otlp_enabled=True)
    assert_problem(export(off, span()), 404, "not-found")
    assert TRACES not in off.get("/openapi.json").json()["paths"]
    assert taken(export(on, span())) == ""
    document = on.get("/openapi.json").json()
    assert document["paths"][TRACES].keys() == {"post"}
    openapi_spec_validator.validate(document)


def test_a_span_of_an_agent_is_a_record(client: TestClient) -> None:
    assert taken(export(client, span())) == ""
    assert stored(client) == [PLAIN]
    assert stored(client, "globex") == []


def test_everything_that_a_record_has_comes_from_a_span(client: TestClient) -> None:
    whole = {attribute: f"of {name}" for attribute, name in CONTEXT.items()}
    full = span(user__id="jane", ringfence__mode="DRY_RUN", error__type="timeout", pairs=list(whole.items()))
    full.parent_span_id = (7).to_bytes(8)
    taken(export(client, full))
    ids = {"span_id": "0000000000000001", "parent_span_id": "0000000000000007"}
    context = ids | {name: f"of {name}" for name in CONTEXT.values()}
    changed = {"mode": "DRY_RUN", "status": "error", "error": "timeout", "user_id": "jane", "context": context}
    assert stored(client) == [PLAIN | changed]


def test_other_spans_are_dropped_without_a_word(client: TestClient) -> None:
    others = [span(2, gen_ai__operation__name=name) for name in ("chat", "create_agent", None, 7, "")]
    assert taken(export(client, *others, span())) == ""
    assert stored(client) == [PLAIN]
    assert taken(export(client, *others)) == ""
    assert taken(post(client, b"")) == ""


@pytest.mark.parametrize(
    ("attributes", "service", "agent"),
    [
        ({"gen_ai__agent__id": "a1"}, "loans", "kyc"),
        ({"gen_ai__agent__name": None, "gen_ai__agent__id": "a1"}, "loans", "a1"),
        ({"gen_ai__agent__name": "", "gen_ai__agent__id": 42}, "loans", "42"),
        ({"gen_ai__agent__name": None}, "loans", "loans"),
    ],
)
def test_the_agent_is_named_by_the_first_that_there_is(
    client: TestClient, attributes: dict[str, Any], service: str, agent: str
) -> None:
    taken(export(client, span(**attributes), service=service))
    assert stored(client) == [PLAIN | {"agent_id": agent}]


def test_enduser_comes_before_user(client: TestClient) -> None:
    taken(export(client, span(1, user__id="joe"), span(2, user__id="joe", enduser__id="jane")))
    assert sorted(str(each["user_id"]) for each in stored(client)) == ["jane", "joe"]


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [
        (SpanStatus.STATUS_CODE_UNSET, None, "success"),
        (SpanStatus.STATUS_CODE_OK, None, "success"),
        (SpanStatus.STATUS_CODE_ERROR, None, "error"),
        (3, None, "error"),
        (SpanStatus.STATUS_CODE_UNSET, "timeout", "error"),
        (SpanStatus.STATUS_CODE_ERROR, "timeout", "error"),
        (SpanStatus.STATUS_CODE_ERROR, "denied", "denied"),
    ],
)
def test_the_status_is_that_of_the_span_and_of_its_error(
    client: TestClient, code: Any, error: str | None, status: str
) -> None:
    failed = span(error__type=error)
    failed.status.code, failed.status.message = code, "a text that may quote a prompt"
    taken(export(client, failed))
    assert stored(client) == [PLAIN | {"status": status, "error": error}]


@pytest.mark.parametrize(
    ("start", "end", "latency"),
    [
        (START, START, 0),
        (START, START + 1_500_000, 2),
        (START, START + (2**31 - 1) * 1_000_000, 2**31 - 1),
        (START, START + 2**31 * 1_000_000, None),
        (START, START - 1, None),
        (0, START, None),
        (START, 0, None),
        (0, 0, None),
        (2**64 - 1, 2**64 - 1, 0),
    ],
)
def test_a_span_whose_times_give_no_latency_is_stored_without_one_and_the_answer_says_so(
    client: TestClient, start: int, end: int, latency: int | None
) -> None:
    odd = span()
    odd.start_time_unix_nano, odd.end_time_unix_nano = start, end
    said = taken(export(client, odd))
    assert said == ("1 of the spans: stored without latency_ms: its times give none" if latency is None else "")
    assert stored(client) == [PLAIN | {"latency_ms": latency}]


def without_ids(**ids: bytes) -> Span:
    made = span(9)
    for name, value in ids.items():
        setattr(made, name, value)
    return made


REJECTED: list[tuple[Span, str]] = [
    (without_ids(span_id=b""), "span_id: 8 bytes are needed, not all zero"),
    (without_ids(span_id=bytes(8)), "span_id: 8 bytes are needed, not all zero"),
    (without_ids(span_id=b"1234567"), "span_id: 8 bytes are needed, not all zero"),
    (without_ids(trace_id=bytes(16)), "trace_id: 16 bytes are needed, not all zero"),
    (without_ids(trace_id=b"x" * 17), "trace_id: 16 bytes are needed, not all zero"),
    (without_ids(parent_span_id=b"x"), "parent_span_id: 8 bytes are needed, or none"),
    (span(9, gen_ai__agent__name=None), "gen_ai.agent.name: is needed, or gen_ai.agent.id, or service.name"),
    (span(9, gen_ai__agent__name="x" * 129), "agent_id: 1 to 128 characters."),
    (span(9, gen_ai__agent__name="a\0"), "agent_id: a text holds a NUL character"),
    (span(9, gen_ai__agent__name=True), "gen_ai.agent.name: a text is needed"),
    (span(9, gen_ai__agent__name=b"kyc"), "gen_ai.agent.name: a text is needed"),
    (span(9, user__id="u" * 257), "user_id: 1 to 256 characters."),
    (span(9, user__id="u\0"), "user_id: a text holds a NUL character"),
    (span(9, ringfence__mode="live"), "mode: DRY_RUN or LIVE"),
    (span(9, ringfence__mode=1), "mode: DRY_RUN or LIVE"),
    (span(9, error__type="e" * 2001), "error: 1 to 2,000 characters."),
    (span(9, error__type="e\0"), "error: a text holds a NUL character"),
    (span(9, ringfence__event="a\0"), "context.event: a text holds a NUL character"),
    (span(9, gen_ai__tool__name="t" * 131_072), "context: at most 4,096 bytes"),
    (span(9, ringfence__resource=b"x"), "context.resource: a text, a number, true or false is needed"),
    (span(9, ringfence__resource=float("nan")), "context.resource: a text, a number, true or false is needed"),
    (span(9, ringfence__resource=float("inf")), "context.resource: a text, a number, true or false is needed"),
    (span(9, pairs=[("gen_ai.agent.name", "other")]), "gen_ai.agent.name: is given more than once"),
    (span(9, pairs=[("gen_ai.operation.name", "chat")]), "gen_ai.operation.name: is given more than once"),
    (span(9, pairs=[("ringfence.event", "a"), ("ringfence.event", "a")]), "ringfence.event: is given more than once"),
]


@pytest.mark.parametrize(
    ("bad", "reason"), REJECTED, ids=lambda value: str(value)[:50] if isinstance(value, str) else ""
)
def test_a_span_that_cannot_be_a_record_is_rejected_and_keeps_no_other_out(
    client: TestClient, bad: Span, reason: str
) -> None:
    said = taken(export(client, bad, span(), bad), rejected=2)
    assert said.startswith(f"2 of the spans: {reason}")
    assert stored(client) == [PLAIN]


def test_what_no_record_takes_of_a_span_may_be_anything(client: TestClient) -> None:
    prompt = [("gen_ai.input.messages", "canary" * 30_000), ("x\0", "y"), ("event", "e"), ("x", "1"), ("x", "2")]
    large = span(pairs=prompt)
    large.events.add(name="canary")
    large.attributes.add(key="ringfence.event")  # with no value
    assert taken(export(client, large)) == ""
    assert stored(client) == [PLAIN]


def test_numbers_and_booleans_of_a_context_stay_what_they_are(client: TestClient) -> None:
    context = {"ringfence.approver": 7, "ringfence.policy_id": 1.5, "ringfence.origin": False}
    taken(export(client, span(pairs=list(context.items()))))
    (found,) = stored(client)
    assert found["context"] == PLAIN["context"] | {"approver": 7, "policy_id": 1.5, "origin": False}  # type: ignore[operator]


def test_a_span_that_comes_again_is_stored_once(client: TestClient) -> None:
    many = [span(number, user__id=f"u{number}") for number in range(1, 6)]
    for spans in (many, many[:1], [*many, span(6)], many[::-1], [span(6), span(6)]):
        assert taken(export(client, *spans)) == ""
    found = records(client)
    assert len(found) == 6
    assert {UUID(each["id"]).version for each in found} == {8}
    assert {UUID(each["id"]).int >> 80 for each in found} == {START // 1_000_000}


def test_two_tenants_may_export_the_same_span(client: TestClient) -> None:
    for tenant in ("acme", "globex", "acme"):
        assert taken(export(client, span(), span(2), tenant=tenant)) == ""
    ids = [[each["id"] for each in records(client, tenant)] for tenant in ("acme", "globex")]
    assert len({*ids[0], *ids[1]}) == 4


def test_json_is_taken_as_protobuf_is_and_answered_in_json(client: TestClient) -> None:
    full = span(user__id="jane", pairs=[("ringfence.approver", 7), ("gen_ai.request.model", "gpt-4o")])
    full.parent_span_id = bytes(range(8, 16))
    full.status.code = SpanStatus.STATUS_CODE_ERROR
    sent = as_json(request(full, span(2, gen_ai__agent__name=None), service="loans"))
    sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["aFieldOfALaterVersion"] = {"a": 1}
    answer = post(client, json.dumps(sent).encode(), kind=f"{JSON}; charset=utf-8")
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, JSON)
    in_json = records(client)
    assert [each["agent_id"] for each in in_json] in (["kyc", "loans"], ["loans", "kyc"])
    assert taken(export(client, full, span(2, gen_ai__agent__name=None), service="loans")) == ""
    assert [each["id"] for each in records(client)] == [each["id"] for each in in_json]


def test_ids_in_json_may_be_in_capitals_and_enums_are_numbers(client: TestClient) -> None:
    sent = as_json(request(span()))
    (each,) = sent["resourceSpans"][0]["scopeSpans"][0]["spans"]
    each |= {"traceId": each["traceId"].upper(), "status": {"code": 2}, "kind": 99, "startTimeUnixNano": START}
    assert post(client, json.dumps(sent).encode(), kind=JSON).json() == {}
    assert stored(client) == [PLAIN | {"status": "error"}]


@pytest.mark.parametrize("odd", ["", "0" * 16, "0" * 15 + "1" + "0", "x" * 16, " " + "1" * 15, 7, None, ["1"]])
def test_an_id_in_json_that_is_none_rejects_its_span(client: TestClient, odd: Any) -> None:
    sent = as_json(request(span(2), span()))
    sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["spanId"] = odd
    partial = post(client, json.dumps(sent).encode(), kind=JSON).json()["partialSuccess"]
    message = "1 of the spans: span_id: 8 bytes are needed, not all zero"
    assert partial == {"rejectedSpans": "1", "errorMessage": message}
    assert stored(client) == [PLAIN]


def test_a_body_may_be_compressed_with_gzip_and_with_nothing_else(client: TestClient) -> None:
    content = request(span()).SerializeToString()
    assert taken(post(client, zipped(content), content_encoding="gzip")) == ""
    assert taken(post(client, content, content_encoding="identity")) == ""
    for other in ("deflate", "br", "gzip, gzip", "zstd"):
        refused(post(client, content, content_encoding=other), 415, "unsupported-encoding")
    assert stored(client) == [PLAIN]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-ndjson", "application/protobuf", ""])
def test_another_media_type_is_refused_in_json(client: TestClient, kind: str) -> None:
    answer = post(client, request(span()).SerializeToString(), kind=kind)
    assert (answer.status_code, answer.headers["content-type"]) == (415, JSON)
    assert answer.json() == {"message": "unsupported-encoding: application/x-protobuf or application/json is needed"}
    assert stored(client) == []


def test_an_unknown_parameter_is_refused_as_bad_and_not_to_be_sent_again(client: TestClient) -> None:
    content = request(span()).SerializeToString()
    headers = {"X-Tenant-ID": "acme", "Content-Type": "application/x-protobuf"}
    answer = client.post(f"{TRACES}?dry=1", content=content, headers=headers)
    assert refused(answer, 400, "invalid-request").startswith("dry: ")
