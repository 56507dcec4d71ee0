"""Models of requests and responses.

They check types only. Lengths, ranges and known words are the database's rules (db/schema), and callers see its
refusal. The limits given here are for the OpenAPI document, and check nothing.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, WithJsonSchema

from app.model.context import CONTEXT_NAMES
from app.model.field_types import HttpStatus, LatencyMs, Mode, Status, TenantId, Text
from app.model.query import Act, Closed

_StoredElsewhere = Annotated[
    str | None,
    Field(
        description="Given when the database is unavailable: the record is on the service's disk, and is written to "
        "the database later.",
        json_schema_extra={"enum": ["spool"]},
    ),
]


# For the document alone: app/model/context.py checks what comes in.
_Context = Annotated[
    dict[str, Any] | None,
    WithJsonSchema({"anyOf": [{"$ref": "#/components/schemas/Context"}, {"type": "null"}]}),
]
CONTEXT_SCHEMA: dict[str, Any] = {
    "title": "Context",
    "type": "object",
    "description": "What the writer of a record says about it, at most 4,096 bytes of JSON. Other names are refused.",
    "properties": {name: {"type": ["string", "number", "boolean"]} for name in CONTEXT_NAMES},
    "additionalProperties": False,
}


class TenantQuery(Closed):
    """Query parameters of a request that has no filters."""

    tenant_id: TenantId = None


class ExecuteRequest(Closed):
    """An execution of an agent.

    input: sent to the agent in LIVE, never stored.
    mode: DRY_RUN calls no agent.
    user_id: the person for whom the agent is executed; stored with the record, 1 to 256 characters.
    context: stored with the record, at most 3,900 bytes of JSON. The service adds input_sha256 and output_sha256.
    """

    input: dict[str, Any]
    mode: Mode = "DRY_RUN"
    user_id: Annotated[Text | None, Field(json_schema_extra={"minLength": 1, "maxLength": 256})] = None
    context: _Context = None
    tenant_id: TenantId = None


class ExecuteResponse(BaseModel):
    """The outcome of an execution, whose record is committed.

    http_status: the agent's; null when the agent was not called or did not answer.
    latency_ms: of the call; null when there was none.
    output: the agent's answer; in DRY_RUN, what would be called.
    """

    id: UUID
    trace_id: str
    tenant_id: str
    agent_id: str
    mode: Mode
    status: Status
    http_status: HttpStatus
    latency_ms: LatencyMs
    output: Any
    stored: _StoredElsewhere = None


class NewRecord(Closed):
    """A record from another service.

    id: made by the service when it is missing. A caller that gives it can repeat the request without storing the record
    twice.
    created_at: only for API keys with the scope import; mode and status may then be missing. In every record of a
    request, or in none.
    """

    id: UUID | None = None
    trace_id: Annotated[str | None, Field(json_schema_extra={"minLength": 1, "maxLength": 128})] = None
    agent_id: Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 128})]
    mode: Mode
    status: Status
    http_status: HttpStatus = None
    latency_ms: LatencyMs = None
    user_id: Annotated[str | None, Field(json_schema_extra={"minLength": 1, "maxLength": 256})] = None
    error: Annotated[str | None, Field(json_schema_extra={"minLength": 1, "maxLength": 2000})] = None
    context: _Context = None
    created_at: datetime | None = None


class RecordsResponse(BaseModel):
    """The records, all committed. id: of a single record that was not sent as an array; else null."""

    tenant_id: str
    count: int
    id: UUID | None
    stored: _StoredElsewhere = None


class AuditRecord(BaseModel):
    """One stored record. Times are UTC with microseconds.

    recorded_at: when the database wrote it; created_at may be earlier. api_key_id: public id of the key that wrote it.
    Both, and context, are null in records of earlier releases.
    """

    id: UUID
    trace_id: str | None
    tenant_id: str
    agent_id: str
    mode: Mode | None
    status: Status | None
    http_status: int | None
    latency_ms: int | None
    user_id: str | None
    error: str | None
    created_at: datetime
    recorded_at: datetime | None
    api_key_id: str | None
    context: _Context


class ListResponse(BaseModel):
    """One page of records. On the last page next_cursor is null and has_more is false.

    previous_cursor: gives, with the same filters and the other order, the records before this page, nearest first; null
    when the page is empty.
    """

    count: int
    items: list[AuditRecord]
    next_cursor: str | None
    previous_cursor: str | None
    has_more: bool


class AdminEventDetail(BaseModel):
    """Details of an act: the name of a tenant, the properties of a key after the act, or the count of records.

    epoch, reason, previous_size, known_size: of a new epoch: the size of the tree before it, and the known size.
    """

    name: str | None = None
    label: str | None = None
    scopes: list[str] | None = None
    expires_at: datetime | None = None
    replaced_by: str | None = None
    count: int | None = None
    epoch: int | None = None
    reason: str | None = None
    previous_size: int | None = None
    known_size: int | None = None


class AdminEvent(BaseModel):
    """One act on the tenant, its API keys or its records.

    actor: the database login role that did it.
    api_key_id: the key that was issued, rotated or revoked, or that exported, imported, replayed or read records.
    detail: its members depend on the act; null when there is nothing to add, or an earlier release recorded the act.
    """

    id: UUID
    tenant_id: str
    act: Act
    api_key_id: str | None
    actor: str
    created_at: datetime
    detail: AdminEventDetail | None


class AdminEventsResponse(BaseModel):
    """One page of acts. On the last page next_cursor is null and has_more is false."""

    count: int
    items: list[AdminEvent]
    next_cursor: str | None
    has_more: bool


class ConsistencyProof(BaseModel):
    """That the tree of size `to` begins with the leaves of the tree of size `from`.

    from_root, to_root, hashes: SHA-256 in base64; the hashes are those of RFC 6962, section 2.1.2, in their order.
    """

    tenant_id: str
    epoch: int
    from_size: Annotated[int, Field(alias="from")]
    to_size: Annotated[int, Field(alias="to")]
    from_root: str
    to_root: str
    hashes: list[str]


class HealthResponse(BaseModel):
    """The process answers. database: whether the service sees it as up or down; none when records go to a file."""

    status: Annotated[str, Field(json_schema_extra={"enum": ["ok"]})]
    version: str
    database: Annotated[str, Field(json_schema_extra={"enum": ["up", "down", "none"]})]


class DatabaseHealthResponse(BaseModel):
    """Whether records can be stored, and tenants are isolated.

    latency_ms: of one round trip to the store.
    isolation: the verdict of audit.isolation_report() for the service's role; `service` for the file, where the service
    isolates tenants by itself.
    tenant_source: whether a request proves its tenant with an API key or names it in a header; unknown until the
    database has been reached.
    reason: why the status is failed.
    """

    status: Annotated[str, Field(json_schema_extra={"enum": ["ok", "failed"]})]
    backend: Annotated[str, Field(json_schema_extra={"enum": ["postgresql", "jsonl"]})]
    latency_ms: float | None
    isolation: Annotated[str, Field(json_schema_extra={"enum": ["intact", "broken", "unknown", "service"]})]
    tenant_source: Annotated[str, Field(json_schema_extra={"enum": ["api_key", "header", "unknown"]})]
    reason: str | None = None


class Problem(BaseModel):
    """A problem as of RFC 9457. errors: the refused fields."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str
    errors: list[dict[str, str | int]] | None = None
