"""What a hostile or broken exporter may send to POST /v1/traces: each gets a clear answer, and nothing is lost."""

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.http.test_event_loop_stalls import MAX_STALL, Heartbeat
from tests.support.calls import execute, records
from tests.support.otlp import PROTOBUF, START, as_json, export, post, refused, request, span, taken, zipped
from tests.support.polling import eventually
from tests.support.processes import running_service

MEGABYTE = 1_048_576
JSON = "application/json"
SOON = 2.0
"""Seconds within which another tenant is served."""


@pytest.fixture
def client(serve: Serve, database: TestDatabase) -> TestClient:
    return serve(database_url=database.url("audit_app"), otlp_enabled=True)


@pytest.fixture
def key(database: TestDatabase) -> str:
    return database.issue_api_key("acme")


def field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message."""
    size, digits = len(content), []
    while size > 127:
        digits.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *digits, size]) + content


def spans_of(content: bytes) -> bytes:
    """Return a request with one list of spans, whose bytes are given."""
    return field(1, field(2, content))


def count(database: TestDatabase) -> int:
    ((found,),) = database.execute("SELECT count(*)::int FROM audit.audit_logs")
    return int(found)


def test_a_key_writes_into_its_own_tenant_whatever_else_is_named(
    client: TestClient, database: TestDatabase, key: str
) -> None:
    refused(export(client, span(), tenant="globex", api_key=key), 403, "tenant-mismatch")
    named = span(pairs=[("tenant_id", "globex"), ("ringfence.tenant_id", "globex")])
    assert taken(export(client, named, tenant="acme", api_key=key)) == ""
    assert database.execute("SELECT tenant_id FROM audit.audit_logs") == [("acme",)]


def test_a_key_that_does_not_write_or_is_none_is_refused_before_the_body_is_read(
    client: TestClient, database: TestDatabase
) -> None:
    reading, no_key = database.issue_api_key("acme", "read"), f"rf_{'0' * 16}_{'0' * 64}"
    huge = b"\xff" * 5 * MEGABYTE
    for content in (request(span()).SerializeToString(), huge):
        refused(post(client, content, api_key=reading), 403, "scope-missing")
        answer = post(client, content, api_key=no_key)
        refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert count(database) == 0


def test_a_body_that_grows_to_a_hundred_megabytes_is_refused_in_passing(client: TestClient, key: str) -> None:
    bomb = zipped(bytes(100 * MEGABYTE))
    assert len(bomb) < MEGABYTE // 8
    heart = Heartbeat(client)
    idle = heart.longest_stall(lambda: client.get("/api/v1/health"))
    stall = heart.longest_stall(
        lambda: refused(post(client, bomb, api_key=key, content_encoding="gzip"), 413, "body-too-large")
    )
    assert stall - idle < MAX_STALL
    assert taken(export(client, span(), api_key=key)) == ""


def test_a_body_beyond_the_limit_is_refused_compressed_or_not(serve: Serve, database: TestDatabase, key: str) -> None:
    content = request(*[span(number) for number in range(1, 20)]).SerializeToString()
    client = serve(database_url=database.url("audit_app"), otlp_enabled=True, otlp_max_bytes=len(content))
    larger = content + field(15, b"")
    for sent, more in ((larger, {}), (zipped(larger), {"content_encoding": "gzip"})):
        assert "export fewer spans" in refused(post(client, sent, api_key=key, **more), 413, "body-too-large")
    assert count(database) == 0
    for sent, more in ((content, {}), (zipped(content), {"content_encoding": "gzip"})):
        assert taken(post(client, sent, api_key=key, **more)) == ""
    assert count(database) == 19


def test_the_memory_for_bodies_is_given_back_whatever_becomes_of_them(client: TestClient, key: str) -> None:
    spans = spans_of(field(2, span().SerializeToString()) + field(15, bytes(3 * MEGABYTE)))
    for _ in range(12):  # three of them at once would be too many
        post(client, zipped(bytes(5 * MEGABYTE)), api_key=key, content_encoding="gzip")
        post(client, spans[:-1], api_key=key)
        assert taken(post(client, spans, api_key=key)) == ""


GZIP = zipped(request(span()).SerializeToString())


@pytest.mark.parametrize("content", [b"", GZIP[:-1], GZIP[:-9], GZIP[:12], GZIP + b"x", GZIP + GZIP, b"x" + GZIP, b"x"])
def test_what_is_not_one_whole_gzip_is_refused(
    client: TestClient, database: TestDatabase, key: str, content: bytes
) -> None:
    refused(post(client, content, api_key=key, content_encoding="gzip"), 400, "bad-request")
    assert count(database) == 0
    assert taken(post(client, GZIP, api_key=key, content_encoding="gzip")) == ""


MILLION = {
    "empty spans": spans_of(field(2, b"") * 1_000_000),
    "lists without a span": field(1, field(2, b"") * 1_000_000),
    "resources without a span": field(1, b"") * 1_000_000,
}


@pytest.mark.parametrize("what", MILLION)
def test_a_million_of_nothing_is_refused_by_their_number(client: TestClient, key: str, what: str) -> None:
    heart = Heartbeat(client)
    idle = heart.longest_stall(lambda: client.get("/api/v1/health"))

    def send() -> None:
        refused(post(client, MILLION[what], api_key=key), 413, "body-too-large")

    stalls = [heart.longest_stall(send) - idle for _ in range(3)]
    assert min(stalls) < 2 * MAX_STALL  # of two megabytes
    assert taken(post(client, spans_of(field(2, b"") * 99_997), api_key=key)) == ""


def test_a_span_of_a_million_empty_attributes_is_read_alone(client: TestClient, key: str) -> None:
    odd = spans_of(field(2, span().SerializeToString() + field(9, b"") * 1_000_000 + field(11, b"") * 500_000))
    heart = Heartbeat(client)
    idle = heart.longest_stall(lambda: client.get("/api/v1/health"))
    stalls = [heart.longest_stall(lambda: taken(post(client, odd, api_key=key))) - idle for _ in range(3)]
    assert min(stalls) < 2 * MAX_STALL  # of three megabytes
    assert len(records(client, api_key=key)) == 1


def test_a_message_that_is_cut_anywhere_stores_nothing(client: TestClient, database: TestDatabase, key: str) -> None:
    whole = request(span(1), span(2, user__id="jane"), service="loans").SerializeToString()
    for end in range(1, len(whole)):
        detail = refused(post(client, whole[:end], api_key=key), 400, "invalid-request")
        assert detail == "body: it is not the protobuf message ExportTraceServiceRequest"
    assert count(database) == 0
    assert taken(post(client, whole, api_key=key)) == ""
    assert count(database) == 2


def test_a_message_with_any_byte_changed_is_taken_rejected_or_refused(client: TestClient, key: str) -> None:
    chance = random.Random(17)
    whole = request(span(1), span(2, user__id="jane"), service="loans").SerializeToString()
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(whole))] = chance.randrange(256)
        answer = post(client, bytes(changed), api_key=key)
        assert answer.status_code in (200, 400), answer.text
        assert answer.headers["content-type"] == "application/x-protobuf"


ODD_JSON = [
    "", "[]", "7", "null", "{", '{"resourceSpans": 7}', '{"resourceSpans": [7]}', '{"resourceSpans": [null]}',
    '{"resourceSpans": {"a": 1}}', '{"resourceSpans": [{"scopeSpans": "x"}]}',
    '{"resourceSpans": [{"resource": 7}]}', '{"resourceSpans": [{"resource": {"attributes": [7]}}]}',
    '{"resourceSpans": [{"resource": {"attributes": 7}}]}', '{"resourceSpans": [], "resourceSpans": []}',
    '{"resourceSpans": [{"scopeSpans": [{"spans": ["canary"]}]}]}',
    '{"resource_spans": []}', '{"resourceSpans": [{"scope_spans": []}]}',
    *[
        f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{each}]}}]}}]}}'
        for each in (
            "7", "[]", "null", '{"attributes": 7}', '{"attributes": ["canary"]}', '{"attributes": [null]}',
            '{"attributes": [{"key": 7}]}', '{"attributes": [{"key": "a", "value": "canary"}]}',
            '{"attributes": [{"key": "a", "value": {"intValue": "canary"}}]}',
            '{"attributes": [{"key": "a", "value": {"intValue": 1e400}}]}',
            '{"attributes": [{"key": "a", "value": {"intValue": 99999999999999999999}}]}',
            '{"attributes": [{"key": "a", "value": {"bytesValue": 7}}]}',
            '{"attributes": [{"key": "a", "value": {"stringValue": "\\ud800"}}]}',
            '{"attributes": [{"key": "a", "value": {"stringValue": "x", "intValue": "1"}}]}',
            '{"startTimeUnixNano": "canary"}', '{"startTimeUnixNano": -1}', '{"startTimeUnixNano": 1.5}',
            '{"startTimeUnixNano": "18446744073709551616"}', '{"status": 7}', '{"status": {"code": 1.5}}',
            '{"status": {"code": "failed"}}', '{"name": 7}',
            '{"name": "\\ud800"}', '{"attributes": [{"key": "a", "value": ' + '{"arrayValue": {"values": [' * 40
            + "]}}" * 40 + "}]}",
        )
    ],
]  # fmt: skip


@pytest.mark.parametrize("text", ODD_JSON, ids=lambda text: text[-60:])
def test_json_that_is_no_request_is_refused_without_a_word_of_it(client: TestClient, key: str, text: str) -> None:
    answer = post(client, text.encode(), kind=JSON, api_key=key)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith("invalid-request: body: ")
    assert "canary" not in answer.text
    assert taken(export(client, span(), api_key=key)) == ""


def test_json_of_too_many_brackets_is_refused_before_it_is_parsed(client: TestClient, key: str) -> None:
    many = b'{"resourceSpans": [{"scopeSpans": [{"spans": [' + b"{}," * 100_000 + b"{}]}]}]}"
    answer = post(client, many, kind=JSON, api_key=key)
    assert answer.status_code == 400
    assert "more than 100,000" in answer.json()["message"]


def test_a_span_with_the_ids_of_another_is_rejected_and_changes_nothing(client: TestClient, key: str) -> None:
    assert taken(export(client, span(1, user__id="jane"), api_key=key)) == ""
    others = [span(number) for number in range(2, 80)]
    said = taken(export(client, *others[:40], span(1, user__id="eve"), *others[40:], api_key=key), rejected=1)
    assert said == "1 of the spans: id: the id belongs to another record"
    assert taken(export(client, span(1, user__id="eve"), api_key=key), rejected=1) == said
    found = {each["context"]["span_id"]: each["user_id"] for each in records(client, api_key=key)}
    assert len(found) == 79
    assert found[f"{1:016x}"] == "jane"


def test_another_time_makes_no_second_record_of_a_span(client: TestClient, key: str) -> None:
    taken(export(client, span(), api_key=key))
    later = span()
    later.end_time_unix_nano = START + 42_000_000
    assert taken(export(client, later, api_key=key), rejected=1)
    assert [each["latency_ms"] for each in records(client, api_key=key)] == [41]


LARGE: dict[str, tuple[Callable[[], bytes], str]] = {
    "spans of agents": (lambda: request(*map(span, range(1, 25_000))).SerializeToString(), PROTOBUF),
    "small spans, less than what is read in a thread": (lambda: spans_of(field(2, field(9, b"")) * 16_000), PROTOBUF),
    "spans of agents in JSON": (lambda: json.dumps(as_json(request(*map(span, range(1, 3_500))))).encode(), JSON),
}


@pytest.mark.parametrize("what", LARGE)
def test_no_body_that_is_taken_holds_up_the_event_loop(client: TestClient, key: str, what: str) -> None:
    make, kind = LARGE[what]
    content = make()
    heart = Heartbeat(client)
    idle = heart.longest_stall(lambda: client.get("/api/v1/health"))

    def send() -> None:
        answer = post(client, content, kind=kind, api_key=key)
        assert answer.status_code == 200, answer.text

    stalls = [heart.longest_stall(send) - idle for _ in range(3)]
    assert min(stalls) < MAX_STALL


def test_it_says_when_to_send_again_while_nothing_can_be_stored(
    client: TestClient, database: TestDatabase, key: str
) -> None:
    assert taken(export(client, span(), api_key=key)) == ""
    database.go_down()
    try:
        for spans in ([span(2)], [span(2), span(3)]):
            answer = export(client, *spans, api_key=key)
            refused(answer, 503, "storage-unavailable")
            assert answer.headers["retry-after"] == "1"
    finally:
        database.come_up()
    assert eventually(lambda: export(client, span(2), span(3), api_key=key).status_code == 200)
    assert count(database) == 3


def test_a_tenant_that_exports_all_it_can_keeps_no_other_waiting(database: TestDatabase, key: str) -> None:
    other = database.issue_api_key("globex")
    large = LARGE["spans of agents"][0]()
    settings = {"database_url": database.url("audit_app"), "otlp_enabled": "true"}
    with running_service(**settings) as service, ThreadPoolExecutor(8) as pool:
        service.http.timeout = 60
        exports = [pool.submit(post, service.http, large, api_key=key) for _ in range(8)]
        took = []
        for number in range(1, 20):
            began = time.monotonic()
            assert taken(export(service.http, span(number), tenant="globex", api_key=other)) == ""
            assert execute(service.http, "globex", api_key=other).status_code == 200  # type: ignore[arg-type]
            took.append(time.monotonic() - began)
        statuses = [each.result().status_code for each in exports]
    assert max(took) < SOON
    assert 200 in statuses
    assert {*statuses} <= {200, 503}
    assert database.execute("SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'acme'") == [(24_999,)]
