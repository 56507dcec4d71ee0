"""The audit trail as the rest of the service sees it: write one record, read one page, ask whether it works.

Two implementations of one interface: the database, which holds every rule itself, and, where there is none, the file
of app/services/audit_file.py.
"""

from dataclasses import dataclass
from typing import Protocol

from app.credentials import Credential
from app.models import AuditEvent, ListQuery
from app.services.db import Database


@dataclass(frozen=True, slots=True)
class Health:
    """How the store is.

    latency_ms: of one round trip, in milliseconds. isolation: intact or broken for the database, service for the file.
    """

    backend: str
    latency_ms: float
    isolation: str
    findings: list[str]


class AuditLogger(Protocol):
    """Where records go. Every method raises RingfenceError; nothing was stored then."""

    async def write_log(self, credential: Credential, event: AuditEvent) -> str:
        """Store `event` and return the tenant it was stored for, once it is committed."""

    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """Return one page as JSON text: count, items, next_cursor, has_more."""

    async def read_admin_events(self, credential: Credential, limit: int) -> str:
        """Return the newest administrative acts on the tenant as JSON text: items."""

    async def db_ping(self) -> Health:
        """Ask the store whether it works, and keeps tenants apart."""

    @property
    def tenant_source(self) -> str:
        """`api_key` or `header`: which credential counts here. Known once it is open."""

    async def open(self) -> None:
        """Connect. Raises RefusedToServe when this store may not be served."""

    async def close(self) -> None:
        """Let go of it."""


class DatabaseAuditLogger:
    """The audit trail in PostgreSQL. The policies decide; this only calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write_log(self, credential: Credential, event: AuditEvent) -> str:
        """See AuditLogger; db/functions/insert_audit_log.sql."""
        tenant_id, _ = await self._database.call(
            credential,
            "SELECT audit.insert_audit_log(p_id => %(id)s, p_trace_id => %(trace_id)s, p_agent_id => %(agent_id)s,"
            " p_mode => %(mode)s, p_status => %(status)s, p_http_status => %(http_status)s::int,"
            " p_latency_ms => %(latency_ms)s::int, p_user_id => %(user_id)s, p_error => %(error)s)",
            {
                "id": event.id,
                "trace_id": event.trace_id,
                "agent_id": event.agent_id,
                "mode": event.mode,
                "status": event.status,
                "http_status": event.http_status,
                "latency_ms": event.latency_ms,
                "user_id": event.user_id,
                "error": event.error,
            },
        )
        return tenant_id

    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """See AuditLogger; db/functions/list_audit_logs.sql."""
        _, page = await self._database.call(
            credential,
            "SELECT audit.list_audit_logs(p_agent_id => %(agent_id)s, p_trace_id => %(trace_id)s,"
            " p_user_id => %(user_id)s, p_mode => %(mode)s, p_status => %(status)s,"
            " p_http_status => %(http_status)s::int, p_start_time => %(start_time)s, p_end_time => %(end_time)s,"
            " p_limit => %(limit)s::int, p_cursor => %(cursor)s, p_order => %(order)s)",
            query.model_dump(exclude={"tenant_id"}),
        )
        return str(page)

    async def read_admin_events(self, credential: Credential, limit: int) -> str:
        """See AuditLogger; db/functions/list_admin_events.sql."""
        _, page = await self._database.call(
            credential, "SELECT audit.list_admin_events(p_limit => %(limit)s::int)", {"limit": limit}
        )
        return str(page)

    @property
    def tenant_source(self) -> str:
        """See AuditLogger; db/functions/tenant_source.sql."""
        return self._database.tenant_source

    async def db_ping(self) -> Health:
        """See AuditLogger; db/functions/isolation_report.sql."""
        ping = await self._database.db_ping()
        return Health("postgresql", ping.latency_ms, "broken" if ping.findings else "intact", ping.findings)

    async def open(self) -> None:
        """See AuditLogger."""
        await self._database.open()

    async def close(self) -> None:
        """See AuditLogger."""
        await self._database.close()
