"""The table and the answers of both SQLAlchemy peers, as their users would declare them."""

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, FetchedValue
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The mapped classes."""


class AuditLog(Base):
    """audit.audit_logs. The database sets the times and the key: no run-time role may."""

    __tablename__ = "audit_logs"
    __table_args__ = {"schema": "audit"}  # noqa: RUF012

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    trace_id: Mapped[str | None]
    tenant_id: Mapped[str]
    agent_id: Mapped[str]
    mode: Mapped[str | None]
    status: Mapped[str | None]
    http_status: Mapped[int | None]
    latency_ms: Mapped[int | None]
    user_id: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    recorded_at: Mapped[datetime | None] = mapped_column(server_default=FetchedValue())
    api_key_id: Mapped[str | None] = mapped_column(server_default=FetchedValue())
    context: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Execution(BaseModel):
    """The answer to an execution, with the members of the service's answer."""

    id: UUID
    trace_id: str
    tenant_id: str
    agent_id: str
    mode: str
    status: str
    http_status: int | None
    latency_ms: int | None
    output: Any


class Item(BaseModel):
    """One record of a list."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    trace_id: str | None
    tenant_id: str
    agent_id: str
    mode: str | None
    status: str | None
    http_status: int | None
    latency_ms: int | None
    user_id: str | None
    error: str | None
    created_at: datetime
    recorded_at: datetime | None
    api_key_id: str | None
    context: dict[str, Any] | None


class Page(BaseModel):
    """A list of records."""

    count: int
    items: list[Item]


NOTHING_CALLED = {"would_call": None, "live_enabled": False}


def context_of(agent_input: Any) -> dict[str, str]:
    """Return the context that the service gives an execution that calls nothing: the hashes of its input and output."""
    sent, got = (json.dumps(value, separators=(",", ":")).encode() for value in (agent_input, NOTHING_CALLED))
    return {"input_sha256": hashlib.sha256(sent).hexdigest(), "output_sha256": hashlib.sha256(got).hexdigest()}
