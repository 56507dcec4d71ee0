"""Spans of OpenTelemetry: exported by its SDK, and made by hand where the SDK would make none."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.support.calls import bearer

TRACES = "/v1/traces"
PROTOBUF = "application/x-protobuf"
START = 1_795_376_940_650_996_000
"""Nanoseconds since 1970."""
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "kyc"}


def span(number: int = 1, *, pairs: Sequence[tuple[str, Any]] = (), **attributes: Any) -> Span:
    """Return a span of an agent that took 41 ms, its span id made of `number`.

    attributes: more of them, with two underscores for a dot; None leaves one out. pairs: still more, of any name.
    """
    made = Span(
        trace_id=bytes(range(16)), span_id=number.to_bytes(8), name="invoke_agent kyc",
        start_time_unix_nano=START, end_time_unix_nano=START + 41_000_000,
    )  # fmt: skip
    named = {**AGENT, **{name.replace("__", "."): value for name, value in attributes.items()}}
    for name, value in (*named.items(), *pairs):
        if value is not None:
            kind = {bool: "bool_value", int: "int_value", float: "double_value", bytes: "bytes_value"}.get(type(value))
            setattr(made.attributes.add(key=name).value, kind or "string_value", value)
    return made


def request(*spans: Span, service: str | None = None) -> ExportTraceServiceRequest:
    """Return the request that exports them. service: the name of theirs."""
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    if service is not None:
        of_resource.resource.attributes.add(key="service.name").value.string_value = service
    of_resource.scope_spans.add().spans.extend(spans)
    return made


def as_json(exported: ExportTraceServiceRequest) -> dict[str, Any]:
    """Return a request in the JSON of OTLP, where ids are hexadecimal."""
    made: dict[str, Any] = MessageToDict(exported)
    for of_resource, given in zip(made["resourceSpans"], exported.resource_spans, strict=True):
        for of_scope, spans in zip(of_resource["scopeSpans"], given.scope_spans, strict=True):
            for each, original in zip(of_scope["spans"], spans.spans, strict=True):
                ids = {
                    "traceId": original.trace_id,
                    "spanId": original.span_id,
                    "parentSpanId": original.parent_span_id,
                }
                each |= {name: value.hex() for name, value in ids.items() if value}
    return made


def post(
    client: Any, content: bytes, *, kind: str = PROTOBUF, tenant: str = "acme", api_key: str | None = None, **more: str
) -> Any:
    """Send the bytes of a request. more: headers, with underscores for hyphens."""
    headers = {"Content-Type": kind, "X-Tenant-ID": tenant} | (bearer(api_key) if api_key else {})
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return client.post(TRACES, content=content, headers=headers)


def export(client: Any, *spans: Span, service: str | None = None, **arguments: Any) -> Any:
    """Send the spans."""
    return post(client, request(*spans, service=service).SerializeToString(), **arguments)


def zipped(content: bytes) -> bytes:
    """Return it compressed as exporters do."""
    return gzip.compress(content, mtime=0)


@contextmanager
def tracer_provider(url: str, api_key: str, **resource: str) -> Iterator[TracerProvider]:
    """Yield the OpenTelemetry SDK, which exports to the service; at the end, everything was exported.

    Configured as its users do, with the key in the exporter's headers and gzip.
    """
    exporter = OTLPSpanExporter(f"{url}{TRACES}", headers=bearer(api_key), compression=Compression.Gzip, timeout=60)
    provider = TracerProvider(resource=Resource.create(dict(resource)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider
        assert provider.force_flush()
    finally:
        provider.shutdown()


def taken(answer: Any, rejected: int = 0) -> str:
    """Assert that the spans were taken but for the `rejected` ones; return what the answer says about them."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == PROTOBUF
    response = ExportTraceServiceResponse.FromString(answer.content)
    assert response.partial_success.rejected_spans == rejected, response
    assert response.HasField("partial_success") == bool(rejected or response.partial_success.error_message)
    return str(response.partial_success.error_message)


def refused(answer: Any, status: int, kind: str) -> str:
    """Assert that the request was refused with this kind of problem, as a google.rpc.Status; return the detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROTOBUF
    assert answer.headers["cache-control"] == "no-store"
    found, _, detail = Status.FromString(answer.content).message.partition(": ")
    assert found == kind
    return str(detail)
