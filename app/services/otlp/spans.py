"""What a span of an AI agent is as a record. docs/opentelemetry.md has the map, attribute by attribute."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.model.context import CONTEXT_NAMES, check_context
from app.model.record import MODES, Fields
from app.model.refusals import InvalidRequest
from app.model.uuid_v8 import uuid_v8

OPERATION = "gen_ai.operation.name"
OPERATIONS = frozenset({"invoke_agent", "execute_tool"})
"""Operations that become records: what an agent was asked to do, and what it did."""
MODE = "ringfence.mode"
AGENT = ("gen_ai.agent.name", "gen_ai.agent.id")
USER = ("enduser.id", "user.id")
ERROR = "error.type"
DENIED = "denied"
"""The error.type of what was refused and not done."""
OF_THE_SPAN = ("span_id", "parent_span_id")
"""Names of a context that are fields of a span."""
# Names of conventions stand for themselves; ours are too common to be taken without a prefix.
CONTEXT = {
    name if "." in name else f"ringfence.{name}": name for name in CONTEXT_NAMES if name not in OF_THE_SPAN
}  # fmt: skip
_WANTED = frozenset({OPERATION, MODE, *AGENT, *USER, ERROR, *CONTEXT})
_MAX_MS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Mapped:
    """A record, whose rules are not checked yet. remark: what of the span was left out and should not have been."""

    fields: Fields
    remark: str | None


def as_record(span: Span, service_name: str, tenant_id: str) -> Mapped | None:
    """Return what `span` is as a record of the tenant; None when its operation is none that becomes one.

    Raises InvalidRequest when it has no ids, no agent, or an attribute that cannot be taken.
    """
    values, repeated = _attributes_of(span)
    if OPERATIONS.isdisjoint(values.get(OPERATION, ())):
        return None
    if repeated:
        raise InvalidRequest.field(repeated, "is given more than once")
    given = {name: value for name, (value,) in values.items()}
    latency_ms = _latency_ms(span)
    fields: Fields = {
        "id": _id(span, tenant_id),
        "trace_id": span.trace_id.hex(),
        "agent_id": _text_of(given, AGENT) or service_name or None,
        "mode": given.get(MODE, MODES[1]),
        "status": _status(span, given),
        "latency_ms": latency_ms,
        "user_id": _text_of(given, USER),
        "error": _text_of(given, (ERROR,)),
        "context": _context(span, given),
    }
    if fields["agent_id"] is None:
        raise InvalidRequest.field(AGENT[0], f"is needed, or {AGENT[1]}, or service.name in the resource")
    return Mapped(fields, None if latency_ms is not None else "stored without latency_ms: its times give none")


def _attributes_of(span: Span) -> tuple[dict[str, list[Any]], str | None]:
    """Return all values of each attribute that counts, and the name of one that is given more than once."""
    values: dict[str, list[Any]] = {}
    repeated = None
    for attribute in span.attributes:
        if (name := attribute.key) in _WANTED and (value := _value_of(attribute.value)) is not None:
            values.setdefault(name, []).append(value)
            repeated = name if len(values[name]) > 1 else repeated
    return values, repeated


def _value_of(value: AnyValue) -> Any:
    """Return a text, a number or a boolean; None for an empty value; a tuple for anything that no record can hold."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind not in ("string_value", "int_value", "bool_value", "double_value"):
        return ()
    found = getattr(value, kind)
    return () if isinstance(found, float) and not math.isfinite(found) else found


def _text_of(given: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the first of these attributes that is not empty, a whole number in digits. Raises InvalidRequest."""
    for name in names:
        value = given.get(name, "")
        if type(value) is int:
            return str(value)
        if type(value) is not str:
            raise InvalidRequest.field(name, "a text is needed")
        if value:
            return value
    return None


def _status(span: Span, given: dict[str, Any]) -> str:
    error = given.get(ERROR)
    if error == DENIED:
        return "denied"
    # A code that is none is no success.
    succeeded = not error and span.status.code in (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_OK)
    return "success" if succeeded else "error"


def _latency_ms(span: Span) -> int | None:
    """Return the duration, rounded; None where a time is missing, the end is before the start, or it is 25 days."""
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    milliseconds = round((end - start) / 1_000_000)
    return milliseconds if start and end >= start and milliseconds <= _MAX_MS else None


def _context(span: Span, given: dict[str, Any]) -> dict[str, Any]:
    context = {"span_id": span.span_id.hex()}
    if any(span.parent_span_id):
        context["parent_span_id"] = span.parent_span_id.hex()
    context |= {name: given[attribute] for attribute, name in CONTEXT.items() if attribute in given}
    check_context(context)
    return context


def _id(span: Span, tenant_id: str) -> str:
    """Return the id of the span's record, the same whenever the span comes: an exporter repeats what was not answered.

    The tenant is in the digest, because ids are unique among all tenants: two may export the same span.
    """
    for name, value, size in (("trace_id", span.trace_id, 16), ("span_id", span.span_id, 8)):
        if len(value) != size or not any(value):
            raise InvalidRequest.field(name, f"{size} bytes are needed, not all zero")
    if len(span.parent_span_id) not in (0, 8):
        raise InvalidRequest.field("parent_span_id", "8 bytes are needed, or none")
    digest = hashlib.sha256(b"%b\n%b%b" % (tenant_id.encode(), span.trace_id, span.span_id)).digest()[:10]
    return str(uuid_v8(span.start_time_unix_nano // 1_000_000, digest))
