"""Shapes of requests and responses.

They hold types and nothing else: lengths, ranges and known words are the database's rules (db/schema), and its refusal
is what a caller gets to see. What the OpenAPI document says about them is there to be read, and checks nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.model.field_types import HttpStatus, Instant, LatencyMs, Mode, Number, Status, TenantId, Text, TrueOrFalse

_Limit = Annotated[Number, Field(json_schema_extra={"minimum": 1, "maximum": 1000})]
_Cursor = Annotated[Text | None, Field(description="next_cursor of the page before, unchanged.")]
_StoredElsewhere = Annotated[
    str | None,
    Field(
        description="While the database is away: the record is on the service's disk, and will be in the database.",
        json_schema_extra={"enum": ["spool"]},
    ),
]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExecuteQuery(_Closed):
    """Query parameters of an execution."""

    tenant_id: TenantId = None


class ExecuteRequest(_Closed):
    """What to ask an agent.

    input: passed on to the agent in LIVE, never stored.
    mode: DRY_RUN calls nothing.
    user_id: on whose behalf; stored with the record, 1 to 256 characters.
    """

    input: dict[str, Any]
    mode: Mode = "DRY_RUN"
    user_id: Annotated[Text | None, Field(json_schema_extra={"minLength": 1, "maxLength": 256})] = None
    tenant_id: TenantId = None


class ExecuteResponse(BaseModel):
    """How an execution ended; the record is committed.

    http_status: the agent's, null when it was not called or gave no answer.
    latency_ms: of the call, null when there was none.
    output: the agent's answer; in DRY_RUN, what would have been called.
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


class RecordsQuery(_Closed):
    """Query parameters of a request that brings records."""

    tenant_id: TenantId = None


class NewRecord(_Closed):
    """A record that another service sends. For the OpenAPI document; app/model/record_shapes.py checks it.

    id: made where it is not given; who gives it can send the record again without storing it twice.
    created_at: for an API key with the scope import alone; mode and status may be unknown then. In every record of a
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
    created_at: datetime | None = None


class RecordQuery(_Closed):
    """Query parameters of a look at one record."""

    tenant_id: TenantId = None


class RecordsResponse(BaseModel):
    """All of the records are committed. id: of the one record, where it came alone; else null."""

    tenant_id: str
    count: int
    id: UUID | None
    stored: _StoredElsewhere = None


class _Window(_Closed):
    start_time: Annotated[Instant | None, Field(description="Inclusive, with a zone; + is sent as %2B.")] = None
    end_time: Annotated[Instant | None, Field(description="Exclusive, with a zone; + is sent as %2B.")] = None
    order: Annotated[Text, Field(json_schema_extra={"enum": ["asc", "desc"]})] = "desc"
    tenant_id: TenantId = None


class _Filters(_Window):
    agent_id: Text | None = None
    trace_id: Text | None = None
    user_id: Text | None = None
    mode: Mode | None = None
    status: Status | None = None
    http_status: Number | None = None


class ListQuery(_Filters):
    """Filters of a list, all of them equalities but the time window, and the page wanted."""

    limit: _Limit = 50
    cursor: _Cursor = None


class ExportQuery(_Filters):
    """Filters of an export, the same as those of a list, and the form of its lines."""

    format: Annotated[Text, Field(json_schema_extra={"enum": ["ndjson", "csv"]})] = "ndjson"
    bom: Annotated[
        TrueOrFalse,
        Field(description="Whether a CSV begins with a byte order mark; Excel takes it for UTF-8 by that alone."),
    ] = False


class AuditRecord(BaseModel):
    """One record as it is stored; times are UTC with microseconds."""

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


class ListResponse(BaseModel):
    """One page. next_cursor is null, and has_more false, on the last one."""

    count: int
    items: list[AuditRecord]
    next_cursor: str | None
    has_more: bool


ACTS = (
    "tenant created", "api key issued", "api key rotated", "api key revoked", "proof secret rotated",
    "records exported", "records replayed", "records imported", "records read",
)  # fmt: skip
Act = Annotated[str, Field(json_schema_extra={"enum": list(ACTS)})]


class AdminEventDetail(BaseModel):
    """What an act was about: the name of a tenant; what a key is once the act is done; how many records it was."""

    name: str | None = None
    label: str | None = None
    scopes: list[str] | None = None
    expires_at: datetime | None = None
    replaced_by: str | None = None
    count: int | None = None


class AdminEvent(BaseModel):
    """One act on the tenant, its keys or its records. actor: the database's login role that did it.

    api_key_id: the key that was issued, rotated or revoked, or that exported, imported, replayed or read records.
    detail: has some of its members, by the act; null where the act says it all, or an earlier release recorded it.
    """

    id: UUID
    tenant_id: str
    act: Act
    api_key_id: str | None
    actor: str
    created_at: datetime
    detail: AdminEventDetail | None


class AdminEventsQuery(_Window):
    """Filters of the list of administrative acts, and the page wanted, as in ListQuery."""

    act: Act | None = None
    api_key_id: Annotated[Text | None, Field(description="The public part of a key, between its two underscores.")] = (
        None
    )
    # Callers from before there were pages of events got a thousand.
    limit: _Limit = 1000
    cursor: _Cursor = None


class AdminEventsResponse(BaseModel):
    """One page of acts. next_cursor is null, and has_more false, on the last one."""

    count: int
    items: list[AdminEvent]
    next_cursor: str | None
    has_more: bool


class HealthResponse(BaseModel):
    """The process answers. database: whether it takes that to be there; none: it has none."""

    status: Annotated[str, Field(json_schema_extra={"enum": ["ok"]})]
    version: str
    database: Annotated[str, Field(json_schema_extra={"enum": ["up", "down", "none"]})]


class DatabaseHealthResponse(BaseModel):
    """Whether records can be stored, and apart.

    latency_ms: of one round trip to the store. isolation: what audit.isolation_report() says for the service's role.
    tenant_source: whether a request proves its tenant with an API key, or names it in a header; unknown until the
    database has been reached. reason: why it is failed.
    """

    status: Annotated[str, Field(json_schema_extra={"enum": ["ok", "failed"]})]
    backend: Annotated[str, Field(json_schema_extra={"enum": ["postgresql", "jsonl"]})]
    latency_ms: float | None
    isolation: Annotated[str, Field(json_schema_extra={"enum": ["intact", "broken", "unknown", "service"]})]
    tenant_source: Annotated[str, Field(json_schema_extra={"enum": ["api_key", "header", "unknown"]})]
    reason: str | None = None


class Problem(BaseModel):
    """RFC 9457. `errors` names the refused fields."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str
    errors: list[dict[str, str | int]] | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What happened, ready to be recorded; who it happened to is the credential's to say.

    id: UUID version 7, made by the writer, so that a repeated write is stored once. latency_ms: milliseconds.
    error: why it was refused or failed, in our words; never the input, the agent's answer, or a secret.
    """

    id: UUID
    trace_id: str | None
    agent_id: str
    mode: str
    status: str
    user_id: str | None = None
    http_status: int | None = None
    latency_ms: int | None = None
    error: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields by name, `id` as text. dataclasses.asdict() would copy each value, ten times as slowly."""
        return {
            "id": str(self.id),
            "trace_id": self.trace_id,
            "agent_id": self.agent_id,
            "mode": self.mode,
            "status": self.status,
            "http_status": self.http_status,
            "latency_ms": self.latency_ms,
            "user_id": self.user_id,
            "error": self.error,
        }
