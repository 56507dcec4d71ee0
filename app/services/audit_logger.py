"""The audit trail as the rest of the service sees it: write one record or many, read one page, ask whether it works.

Implementations of one interface: the database, which holds every rule itself (database_audit_logger.py), the same with
a spool for the time when it is away (spooling.py), and, where there is none, a file (audit_file.py).
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from app.model.credential import Caller, Credential
from app.model.query import AdminEventsQuery, ExportQuery, ListQuery
from app.model.record import Record
from app.services.batch import Batch

Outcome = Mapping[str, Any] | None
"""Of one replayed record. None: it is stored. Else why it never will be: sqlstate, message, column, constraint."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Records of the spool that are not in the database yet, their bytes, and the age of the oldest in seconds."""

    records: int
    bytes: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Health:
    """How the store is.

    latency_ms: of one round trip, in milliseconds. isolation: intact or broken for the database, service for the file.
    """

    backend: str
    latency_ms: float
    isolation: str
    findings: list[str]


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored, for which tenant. in_spool: on the service's disk, and not in the database yet.

    earlier_answer: JSON text; what Batch.answer was when the same Idempotency-Key came before. Nothing was stored now.
    """

    tenant_id: str
    in_spool: bool = False
    earlier_answer: str | None = None

    def as_response(self) -> dict[str, str]:
        """Return what an answer says about it."""
        return {"tenant_id": self.tenant_id, **({"stored": "spool"} if self.in_spool else {})}


@dataclass(frozen=True, slots=True)
class StoreState:
    """How busy a store is.

    queue: records that wait for a commit. pool: connections by state. waiting, spool_most_bytes: where it has a spool.
    """

    queue: int
    pool: Mapping[str, int]
    waiting: Waiting | None = None
    spool_most_bytes: int = 0


class AuditLogger(Protocol):
    """Where records go. Every method raises RingfenceError: nothing was stored then, but for OutcomeUnknown."""

    async def write_log(self, credential: Credential, record: Record, *, allow_spool: bool = True) -> Stored:
        """Store `record`; return after the commit, or, in an outage and with allow_spool, once it is in the spool."""

    async def identify(self, credential: Credential, source: str) -> Caller:
        """Say what `credential` opens, as it was known some seconds ago, so that only its holder's body is read.

        source: where the request comes from; a credential that was not seen before is asked about in its turn.
        """

    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        """Store all records of `batch`, or none, and return once they are committed, or in the spool.

        The ids of the records make the call repeatable. idempotency_key: where it came before with the same body,
        nothing is stored, and the earlier answer is returned. InvalidRequest names the first record that is refused;
        ScopeMissing, when they bring their own times and that is not allowed.
        """

    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """Return one page as JSON text: count, items, next_cursor, has_more."""

    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        """Return one record as JSON text, as a page shows it. Raises RecordNotFound when the tenant has none."""

    async def may_export(self, credential: Credential) -> str:
        """Check that an export may begin, and return its tenant. No record is read. Raises ExportUnavailable."""

    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        """Put an export on record; return its tenant and its parts: whole lines, some megabytes each, the last a mark.

        The export is complete when the iteration ends by itself; it raises RingfenceError when it cannot go on. Raises
        ExportUnavailable where the store has no export.
        """

    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        """Return one page of the administrative acts on the tenant as JSON text, as read_logs() does."""

    async def db_ping(self) -> Health:
        """Ask the store whether it works, and keeps tenants apart."""

    @property
    def tenant_source(self) -> str:
        """`api_key` or `header`: which credential counts here; empty until the store has said so."""

    @property
    def database_state(self) -> str:
        """`up`, `down`, or `none`, as far as is known: nobody is asked."""

    async def state(self) -> StoreState:
        """Say how busy it is. The database is not asked. Raises OSError."""

    async def open(self) -> None:
        """Connect, or begin without a database that is away. Raises RefusedToServe when it may not be served."""

    def start(self) -> None:
        """Begin what goes on in the background, once it is open."""

    async def close(self) -> None:
        """Let go of it."""
