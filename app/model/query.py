"""Queries on the records and administrative events of a tenant.

The models check types alone: lengths, ranges and known words are the database's rules (db/schema), and a caller sees
the database's refusal. The values in json_schema_extra are for the OpenAPI document, and check nothing.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.model.context import CONTEXT_NAMES
from app.model.field_types import Instant, LargeNumber, Mode, Number, Status, TenantId, Text, TrueOrFalse

_Order = Annotated[Text, Field(json_schema_extra={"enum": ["asc", "desc"]})]
_Limit = Annotated[Number, Field(json_schema_extra={"minimum": 1, "maximum": 1000})]
_Consistency = Annotated[
    Literal["eventual", "strong"],
    Field(description="strong: with every write acknowledged before. eventual: it may miss those of the last seconds."),
]
_ApiKeyId = Annotated[Text | None, Field(description="Public id of a key: between its underscores.")]
_Cursor = Annotated[Text | None, Field(description="A cursor of another page, unchanged.")]


class Closed(BaseModel):
    """A model that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Window(Closed):
    start_time: Annotated[Instant | None, Field(description="Inclusive, with a zone; + is sent as %2B.")] = None
    end_time: Annotated[Instant | None, Field(description="Exclusive, with a zone; + is sent as %2B.")] = None
    order: _Order = "desc"
    tenant_id: TenantId = None


class _ColumnFilters(_Window):
    agent_id: Text | None = None
    trace_id: Text | None = None
    user_id: Text | None = None
    mode: Mode | None = None
    status: Status | None = None
    http_status: Number | None = None
    api_key_id: _ApiKeyId = None


# One parameter for each name of a context: context.event=approved, for one.
_CONTEXT_FIELDS = {f"context_{name.replace('.', '_')}": name for name in CONTEXT_NAMES}
if TYPE_CHECKING:
    _ContextFilters = _ColumnFilters
else:
    _ContextFilters = create_model(
        "_ContextFilters",
        __base__=_ColumnFilters,
        **{
            field: (Text | None, Field(None, alias=f"context.{name}", description=f"Only records with this {name}."))
            for field, name in _CONTEXT_FIELDS.items()
        },
    )


class _Filters(_ContextFilters):
    @property
    def context(self) -> dict[str, str] | None:
        """The names and values that the context of each record has to have; None where any will do."""
        asked = sorted(self.model_fields_set & _CONTEXT_FIELDS.keys())
        values = {_CONTEXT_FIELDS[field]: getattr(self, field) for field in asked}
        return values or None

    def parameters(self, exclude: set[str]) -> dict[str, Any]:
        """Return the values of all fields but these, those of the context as one."""
        names = type(self).model_fields.keys() - exclude - _CONTEXT_FIELDS.keys()
        return {**{name: getattr(self, name) for name in names}, "context": self.context}


class ListQuery(_Filters):
    """Filters of a list, and which page of it. Every filter is an equality, except the time window."""

    limit: _Limit = 50
    cursor: _Cursor = None
    consistency: _Consistency = "eventual"


class ExportQuery(_Filters):
    """Filters of an export, the same as those of a list, and its file format. Evidence takes the time window alone."""

    format: Annotated[Text, Field(json_schema_extra={"enum": ["ndjson", "csv", "evidence"]})] = "ndjson"
    bom: Annotated[
        TrueOrFalse,
        Field(description="Begin a CSV with a byte order mark: without one, Excel does not read it as UTF-8."),
    ] = False


_Epoch = Annotated[Number | None, Field(description="Which tree of the tenant.", json_schema_extra={"minimum": 1})]
_Size = Annotated[LargeNumber, Field(json_schema_extra={"minimum": 1})]


class CheckpointQuery(Closed):
    """Which checkpoint: without epoch of the newest tree, without size the newest of that tree."""

    epoch: _Epoch = None
    size: _Size | None = None
    consistency: _Consistency = "eventual"
    tenant_id: TenantId = None


class ProofQuery(Closed):
    """Against which checkpoint a record is proven; without size, the newest of the record's tree."""

    size: _Size | None = None
    tenant_id: TenantId = None


class ConsistencyQuery(Closed):
    """Two sizes of one tree; without epoch, of the newest."""

    from_size: Annotated[_Size, Field(alias="from")]
    to_size: Annotated[_Size, Field(alias="to")]
    epoch: _Epoch = None
    tenant_id: TenantId = None


class FeedQuery(Closed):
    """Which part of a feed, in which form, and how long an answer may wait for something new."""

    after: Annotated[Text | None, Field(description="The position of an earlier answer; absent: from the first.")] = (
        None
    )
    limit: Annotated[Number, Field(json_schema_extra={"minimum": 1, "maximum": 10000})] = 1000
    wait: Annotated[
        Number,
        Field(
            description="Seconds that the answer may wait while there is nothing new.",
            json_schema_extra={"minimum": 0, "maximum": 30},
        ),
    ] = 0
    format: Annotated[
        Text,
        Field(description="Form of a record's line.", json_schema_extra={"enum": ["ringfence", "ocsf", "cloudevents"]}),
    ] = "ringfence"
    tenant_id: TenantId = None


ACTS = (
    "tenant created", "api key issued", "api key rotated", "api key revoked", "proof secret rotated",
    "records exported", "records replayed", "records imported", "records read", "epoch begun",
    "retention set", "retention rules set", "hold placed", "hold release asked", "hold released", "records pruned",
    "person erased", "record erased", "view link issued", "view link opened", "view link refused", "view link revoked",
)  # fmt: skip
Act = Annotated[str, Field(json_schema_extra={"enum": list(ACTS)})]


class AdminEventsQuery(_Window):
    """Filters of the list of administrative events, and which page of it."""

    act: Act | None = None
    api_key_id: _ApiKeyId = None
    # 1,000, since earlier releases returned as many, and had no pages.
    limit: _Limit = 1000
    cursor: _Cursor = None
    consistency: _Consistency = "eventual"
