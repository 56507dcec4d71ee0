"""Shapes of requests and responses.

They hold types and nothing else: lengths, ranges and known words are the database's rules (db/schema), and its refusal
is what a caller gets to see. What the OpenAPI document says about them is there to be read, and checks nothing.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.model.field_types import HttpStatus, LatencyMs, Mode, Status, TenantId, Text
from app.model.query import Act, Closed

_StoredElsewhere = Annotated[
    str | None,
    Field(
        description="While the database is away: the record is on the service's disk, and will be in the database.",
        json_schema_extra={"enum": ["spool"]},
    ),
]


class ExecuteQuery(Closed):
    """Query parameters of an execution."""

    tenant_id: TenantId = None


class ExecuteRequest(Closed):
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


class RecordsQuery(Closed):
    """Query parameters of a request that brings records."""

    tenant_id: TenantId = None


class NewRecord(Closed):
    """A record that another service sends. For the OpenAPI document; app/model/record_checks.py checks it.

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


class RecordQuery(Closed):
    """Query parameters of a look at one record."""

    tenant_id: TenantId = None


class RecordsResponse(BaseModel):
    """All of the records are committed. id: of the one record, where it came alone; else null."""

    tenant_id: str
    count: int
    id: UUID | None
    stored: _StoredElsewhere = None


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
