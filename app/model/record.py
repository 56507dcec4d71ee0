"""One audit record on its way to a store."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID


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
