"""What a caller asks of the records and events of its tenant.

These hold types and nothing else: lengths, ranges and known words are the database's rules (db/schema), and its refusal
is what a caller gets to see. What the OpenAPI document says about them is there to be read, and checks nothing.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.model.field_types import Instant, Mode, Number, Status, TenantId, Text, TrueOrFalse

_Limit = Annotated[Number, Field(json_schema_extra={"minimum": 1, "maximum": 1000})]
_Cursor = Annotated[Text | None, Field(description="next_cursor of the page before, unchanged.")]


class Closed(BaseModel):
    """A model that takes no other fields than its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Window(Closed):
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


ACTS = (
    "tenant created", "api key issued", "api key rotated", "api key revoked", "proof secret rotated",
    "records exported", "records replayed", "records imported", "records read",
)  # fmt: skip
Act = Annotated[str, Field(json_schema_extra={"enum": list(ACTS)})]


class AdminEventsQuery(_Window):
    """Filters of the list of administrative acts, and the page wanted, as in ListQuery."""

    act: Act | None = None
    api_key_id: Annotated[Text | None, Field(description="The public part of a key, between its two underscores.")] = (
        None
    )
    # Callers from before there were pages of events got a thousand.
    limit: _Limit = 1000
    cursor: _Cursor = None
