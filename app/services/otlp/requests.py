"""Reads an export request of OTLP, in protobuf or JSON, span by span.

A span of two bytes takes two hundred in memory once it is parsed. So a request is taken apart first, which parses
nothing within a span, and is refused when it has too many parts; then each span is parsed alone.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.model.refusals import BodyTooLarge, InvalidRequest
from app.model.strict_json import parse

MAX_PARTS = 100_000
"""Spans of one request, and the lists that they come in: as many as a request may have records."""
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")


class Received(NamedTuple):
    """One span. service_name: of its resource, empty where that has none."""

    span: Span
    service_name: str


class _Count:
    """Counts the parts of one request."""

    def __init__(self) -> None:
        self._left = MAX_PARTS

    def add(self, parts: int) -> None:
        """Count some more. Raises BodyTooLarge."""
        self._left -= parts
        if self._left < 0:
            raise BodyTooLarge(f"a request has at most {MAX_PARTS:,} spans, and lists of spans")


def read_protobuf(body: bytes) -> Iterator[Received]:
    """Yield the spans of an ExportTraceServiceRequest. Raises InvalidRequest or BodyTooLarge, maybe after some."""
    count = _Count()
    try:
        request = _Parts.FromString(body)
        count.add(len(request.first))
        for resource_spans in map(_Parts.FromString, request.first):
            # Several messages of one field are merged, which joining their bytes does.
            service_name = _service_name(Resource.FromString(b"".join(resource_spans.first)))
            count.add(len(resource_spans.second))
            for scope_spans in map(_Parts.FromString, resource_spans.second):
                count.add(len(scope_spans.second))
                for span in scope_spans.second:
                    yield Received(Span.FromString(span), service_name)
    except DecodeError:  # its message may repeat the body
        raise _no_request("the protobuf message ExportTraceServiceRequest") from None


def read_json(body: bytes) -> Iterator[Received]:
    """Yield the spans of an ExportTraceServiceRequest in the JSON of OTLP. Raises InvalidRequest and BodyTooLarge.

    Unknown fields are ignored, as OTLP has it. A field twice in one object is refused, and so are lists of spans under
    the names that protobuf has for them: in JSON they are none, and the spans would be lost without a word.
    """
    count = _Count()
    try:
        request = parse(body)
        for resource_spans in _list(request, "resourceSpans", count):
            resource = resource_spans.get("resource") if isinstance(resource_spans, dict) else None
            service_name = _service_name(ParseDict(resource or {}, Resource(), ignore_unknown_fields=True))
            for scope_spans in _list(resource_spans, "scopeSpans", count):
                for span in _list(scope_spans, "spans", count):
                    yield Received(_span_of(span), service_name)
    except json.JSONDecodeError as error:
        raise InvalidRequest.field("body", f"not JSON at character {error.pos}: {error.msg}") from None
    except (ParseError, TypeError, ValueError, AttributeError):  # what protobuf raises for values of another type
        raise _no_request("an ExportTraceServiceRequest in the JSON of OTLP") from None


def _span_of(given: dict[str, Any]) -> Span:
    # Their ids are hexadecimal, where JSON of protobuf has base64; and no record takes anything from them.
    for name in ("events", "links"):
        given.pop(name, None)
    _refuse_ignored(given)
    ids = {field: _bytes_of(given.pop(name, "")) for field, name in _IDS.items()}
    span = ParseDict(given, Span(), ignore_unknown_fields=True)
    for field, value in ids.items():
        setattr(span, field, value)
    return span


def _refuse_ignored(given: dict[str, Any]) -> None:
    """Raise TypeError for what protobuf would ignore as if it were unknown: the span would be another one then."""
    values = [each.get("value") for each in given.get("attributes") or ()]
    if not all(value is None or isinstance(value, dict) for value in values):
        raise TypeError("value")
    code = (given.get("status") or {}).get("code")
    if code is not None and type(code) is not int and code not in Status.StatusCode.DESCRIPTOR.values_by_name:
        raise TypeError("code")


_IDS = {"trace_id": "traceId", "span_id": "spanId", "parent_span_id": "parentSpanId"}


def _bytes_of(digits: object) -> bytes:
    """Return the bytes of an id; of what is none, an id of no length, which is refused where an id is needed."""
    return bytes.fromhex(digits) if isinstance(digits, str) and _HEX.fullmatch(digits) else b""


_AS_DEFINED = {"resourceSpans": "resource_spans", "scopeSpans": "scope_spans"}


def _list(value: Any, name: str, count: _Count) -> list[Any]:
    found = value.get(name) or []
    if not isinstance(found, list) or _AS_DEFINED.get(name) in value:
        raise TypeError(name)
    count.add(len(found))
    return found


def _service_name(resource: Resource) -> str:
    names: Iterator[KeyValue] = (each for each in resource.attributes if each.key == "service.name")
    return next((each.value.string_value for each in names), "")


def _no_request(what: str) -> InvalidRequest:
    return InvalidRequest.field("body", f"it is not {what}")


def _make_parts() -> Any:
    """Return a message class that takes the fields 1 and 2 as bytes.

    ExportTraceServiceRequest has its ResourceSpans in 1; ResourceSpans the resource in 1 and its ScopeSpans in 2;
    ScopeSpans their spans in 2.
    """
    file = FileDescriptorProto(name="ringfence/parts.proto", package="ringfence", syntax="proto3")
    kind, label = FieldDescriptorProto.TYPE_BYTES, FieldDescriptorProto.LABEL_REPEATED
    fields = [
        FieldDescriptorProto(name=name, number=number, type=kind, label=label)
        for number, name in enumerate(("first", "second"), 1)
    ]
    file.message_type.add(name="Parts").field.extend(fields)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("ringfence.Parts"))


_Parts = _make_parts()
