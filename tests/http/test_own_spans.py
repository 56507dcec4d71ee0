"""The service's own spans: what they say of a request, and that they say nothing that a caller has chosen."""

import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.conftest import TestDatabase
from tests.support.bulk_calls import LOGS
from tests.support.calls import bearer
from tests.support.processes import running_service
from tests.support.span_receiver import span_receiver

EXECUTE = "/api/v1/agents/{agent_id}/execute"
TRACE, PARENT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def told(span: Span) -> dict[str, Any]:
    """Return the attributes of a span."""
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_span_continues_the_callers_trace_and_says_route_method_and_status_alone(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    canaries = {"X-Canary": "canary", "tracestate": "canary=canary", "baggage": "canary=canary"}
    with span_receiver() as receiver:
        settings = {"database_url": database.url("audit_app"), "otel_exporter_otlp_traces_endpoint": receiver.url}
        with running_service(**settings) as service:
            headers = bearer(key) | canaries | {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            body = {"input": {"canary": "canary"}, "user_id": "canary"}
            answer = service.http.post("/api/v1/agents/canary/execute", headers=headers, json=body)
            assert (answer.status_code, answer.json()["trace_id"]) == (200, TRACE)
            assert service.http.get(f"{LOGS}?user_id=canary", headers=headers).status_code == 200
            assert service.http.get("/canary", headers=headers).status_code == 404
        executed, listed, missing = receiver.spans
        name = [
            each.value.string_value
            for each in receiver.requests[0].resource_spans[0].resource.attributes
            if each.key == "service.name"
        ]
    assert name == ["ringfence"]
    assert {span.trace_id.hex() for span in (executed, listed, missing)} == {TRACE}
    assert {span.parent_span_id.hex() for span in (executed, listed, missing)} == {PARENT}
    assert {span.kind for span in (executed, listed, missing)} == {Span.SPAN_KIND_SERVER}
    assert [span.name for span in (executed, listed, missing)] == [f"POST {EXECUTE}", f"GET {LOGS}", "GET"]
    method, route, status = "http.request.method", "http.route", "http.response.status_code"
    assert told(executed) == {method: "POST", route: EXECUTE, status: 200}
    assert told(listed) == {method: "GET", route: LOGS, status: 200}
    assert told(missing) == {method: "GET", status: 404}
    assert executed.end_time_unix_nano > executed.start_time_unix_nano
    sent = b"".join(receiver.bodies)
    for secret in (b"canary", b"acme", key.encode(), key.split("_")[1].encode()):
        assert secret not in sent


@pytest.mark.parametrize(
    ("headers", "is_of_the_span"), [({}, True), ({"X-Trace-ID": "4711"}, False), ({"traceparent": "x"}, False)]
)
def test_a_record_without_a_trace_of_its_own_is_found_by_that_of_the_span(
    tmp_path: Path, headers: dict[str, str], is_of_the_span: bool
) -> None:
    with span_receiver() as receiver:
        settings = {"audit_log_path": tmp_path / "audit.jsonl", "otel_exporter_otlp_traces_endpoint": receiver.url}
        with running_service(**settings) as service:
            answer = service.http.post(
                "/api/v1/agents/kyc/execute", headers={"X-Tenant-ID": "acme", **headers}, json={"input": {}}
            )
        (span,) = receiver.spans
    assert (answer.json()["trace_id"] == span.trace_id.hex()) == is_of_the_span
    assert answer.json()["trace_id"] == headers.get("X-Trace-ID", answer.json()["trace_id"])
    assert span.parent_span_id == b""


def test_a_failure_of_the_service_is_an_error_and_a_refusal_is_none(database: TestDatabase) -> None:
    with span_receiver() as receiver:
        settings = {"database_url": database.url("audit_app"), "otel_exporter_otlp_traces_endpoint": receiver.url}
        with running_service(**settings) as service:
            assert service.http.get(LOGS).status_code == 401
            database.go_down()
            try:
                assert service.http.get("/api/v1/health/db").status_code == 503
            finally:
                database.come_up()
        refused, failed = receiver.spans
    assert refused.status.code == Status.STATUS_CODE_UNSET
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert failed.status.message == ""


def test_a_caller_who_is_not_sampled_leaves_no_span(tmp_path: Path) -> None:
    with span_receiver() as receiver:
        settings = {"audit_log_path": tmp_path / "audit.jsonl", "otel_exporter_otlp_traces_endpoint": receiver.url}
        with running_service(**settings) as service:
            for sampled in ("00", "01"):
                headers = {"traceparent": f"00-{TRACE}-{PARENT}-{sampled}"}
                assert service.http.get("/api/v1/health", headers=headers).headers["x-trace-id"] == TRACE
        assert len(receiver.spans) == 1


def test_a_receiver_that_says_nothing_holds_up_neither_requests_nor_the_end(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings: dict[str, object] = {
            "audit_log_path": tmp_path / "audit.jsonl",
            "otel_exporter_otlp_traces_endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces",
            "otel_exporter_otlp_traces_timeout": 60,
            "otel_bsp_schedule_delay": 100,
        }
        with running_service(**settings) as service:
            for _ in range(20):
                assert service.http.get("/api/v1/health", timeout=1).status_code == 200
            ending = time.monotonic()
            service.process.terminate()
            assert service.process.wait(timeout=60) == -signal.SIGTERM
            assert time.monotonic() - ending < 10
