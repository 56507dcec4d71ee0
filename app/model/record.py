"""One audit record: its fields, in the order of the table's columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.model.context import Context

Fields = dict[str, Any]
"""A record as JSON has it: values by field name."""

MODES = ("DRY_RUN", "LIVE")
STATUSES = ("started", "success", "error", "denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What happened. The tenant is not in it: it comes from the credential.

    id: UUID version 7, made by the writer, so that a repeated write is stored once. latency_ms: milliseconds.
    error: why it was refused or failed, in our words; never the input, the agent's answer, or a secret.
    context: what the writer says beside that (app/model/context.py).
    """

    id: UUID
    trace_id: str | None = None
    agent_id: str
    mode: str
    status: str
    http_status: int | None = None
    latency_ms: int | None = None
    user_id: str | None = None
    error: str | None = None
    context: Context | None = None

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "Record":
        """Return the record that app.model.record_checks.check_shape() has accepted."""
        values: Fields = {name: fields.get(name) for name in NAMES}
        return cls(**values | {"id": UUID(fields["id"])})

    def fields(self) -> Fields:
        """Return the fields by name, `id` as text. dataclasses.asdict() would copy each value, ten times as slowly."""
        return {name: getattr(self, name) for name in NAMES} | {"id": str(self.id)}


NAMES = Record.__slots__
NUMBERS = ("http_status", "latency_ms")


def as_stored(tenant_id: str, fields: Mapping[str, Any]) -> Fields:
    """Return a record as the audit file and the spool keep it: every column but created_at, in the table's order."""
    first = {"id": str(fields["id"]).lower(), "trace_id": fields.get("trace_id"), "tenant_id": tenant_id}
    return first | {name: fields.get(name) for name in NAMES[2:]}
