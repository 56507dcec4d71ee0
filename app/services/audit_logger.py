"""The interface of every store of audit records, and the types that it speaks with.

Three stores implement it: PostgreSQL (postgres/), the same with a spool for its outages (spool/), and one JSONL file
(jsonl/). They import this interface and never one another.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from app.model.credential import Caller, Credential
from app.model.query import AdminEventsQuery, CheckpointQuery, ConsistencyQuery, ExportQuery, FeedQuery, ListQuery
from app.model.record import Record
from app.services.batch import Batch

ISOLATION_IS_BROKEN = "the database does not keep tenants apart; the service's log says where"
"""The reason that callers get, without the findings."""

Outcome = Mapping[str, Any] | None
"""Of one replayed record. None: it is stored. Else why it never will be: sqlstate, message, column, constraint."""


@dataclass(frozen=True, slots=True)
class Health:
    """Result of a health check.

    latency_ms: of one round trip, in milliseconds. isolation: intact or broken for the database, service for the file.
    """

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
        """Return the fields of the response that come from here."""
        return {"tenant_id": self.tenant_id, **({"stored": "spool"} if self.in_spool else {})}


@dataclass(frozen=True, slots=True)
class Spooled:
    """Spooled records that are not in the database yet, their bytes, and the age of the oldest in seconds."""

    records: int
    bytes: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class StoreState:
    """Load of a store.

    queue: records that are queued for a commit. pool: connections by state. spooled, spool_max_bytes: of its spool.
    """

    queue: int
    pool: Mapping[str, int]
    spooled: Spooled | None = None
    spool_max_bytes: int = 0


class AuditLogger(Protocol):
    """A store of audit records. A method that raises RingfenceError has stored nothing, except OutcomeUnknown."""

    async def write_log(self, credential: Credential, record: Record, *, allow_spool: bool = True) -> Stored:
        """Store `record`; return after the commit, or, in an outage and with allow_spool, once it is in the spool."""

    async def identify(self, credential: Credential, source: str) -> Caller:
        """Return what `credential` opens, at most some seconds old. The body of a request is read only after this.

        source: the caller's address. Checks of credentials not seen before are queued by it, in turns.
        """

    async def open_view_link(self, token: str) -> str | None:
        """Return the API key that a view link opens, once; None when it was opened before, was revoked or has expired.

        Raises Unauthenticated when there is no such link, and ViewLinksUnavailable where the store has no keys.
        """

    async def write_logs(self, credential: Credential, batch: Batch, idempotency_key: str | None) -> Stored:
        """Store all records of `batch`, or none; return after the commit, or once they are in the spool.

        The ids of the records make the call repeatable. An idempotency_key that was used before with the same body
        stores nothing; its earlier answer is returned. Raises InvalidRequest, which names the first
        refused record, and ScopeMissing, when records bring their own times and the credential does not allow it.
        """

    async def read_logs(self, credential: Credential, query: ListQuery) -> str:
        """Return one page as JSON text: count, items, next_cursor, previous_cursor, has_more."""

    async def count_logs(self, credential: Credential, query: ListQuery) -> str:
        """Count what the filters of `query` find, its pages aside. Return JSON text.

        count, is_complete, from, statuses, modes, agents. At most the newest 1,000 records are counted: is_complete
        says whether these are all; otherwise there may be more before the time `from`.
        """

    async def read_log(self, credential: Credential, record_id: UUID) -> str:
        """Return one record as JSON text, as in a page. Raises RecordNotFound when the tenant has none."""

    async def may_export(self, credential: Credential) -> str:
        """Check that an export may begin, and return its tenant. No record is read. Raises ExportUnavailable."""

    async def begin_export(self, credential: Credential, query: ExportQuery) -> tuple[str, AsyncIterator[bytes]]:
        """Record the start of an export; return its tenant and its parts.

        A part is whole lines, some megabytes; the last ends with a mark. The export is complete when the iteration
        ends by itself; RingfenceError means that it is not. Raises ExportUnavailable where the store has no export.
        """

    async def read_admin_events(self, credential: Credential, query: AdminEventsQuery) -> str:
        """Return one page of the tenant's administrative events as JSON text, like read_logs()."""

    async def summarize(self, credential: Credential) -> str:
        """Return the overview of the tenant as JSON text. Raises EvidenceUnavailable where the store seals nothing.

        hours: the newest 24 of UTC, the oldest first: hour, records, error, denied; 1,000 stands for 1,000 or more.
        checkpoint: epoch, size, signed_at and witnesses of the newest; null before the first. sealing: epoch and size
        of the newest tree; waiting, since: which of the newest 100 records have no leaf yet. retention: live_days,
        dry_run_days, set_at and pruned_at; null where all is kept for ever. holds, api_keys: the newest 100 of each.
        """

    async def read_checkpoint(self, credential: Credential, query: CheckpointQuery) -> str:
        """Return a signed checkpoint of the tenant's tree. Raises NotSealedYet when there is none.

        This and the next three raise EvidenceUnavailable where the store seals nothing.
        """

    async def read_leaf(self, credential: Credential, record_id: UUID) -> str:
        """Return the line that a record is sealed as, and its private line. Raises RecordNotFound and NotSealedYet."""

    async def read_inclusion_proof(self, credential: Credential, record_id: UUID, size: int | None) -> str:
        """Return the proof that a record is in the tree of a checkpoint. Raises RecordNotFound and NotSealedYet."""

    async def read_consistency_proof(self, credential: Credential, query: ConsistencyQuery) -> str:
        """Return the proof that the tree only grew from one size to another, as JSON text. Raises NotSealedYet."""

    async def read_feed(self, credential: Credential, query: FeedQuery) -> str:
        """Return lines of JSON after a position, and a last line: position, count, has_more and checkpoint. At once.

        Raises FeedPositionLost, and EvidenceUnavailable where the store seals nothing.
        """

    def next_sealing(self) -> asyncio.Future[None]:
        """Return what ends when records of any tenant were sealed, perhaps. It may never end: so look after a while."""

    @property
    def hears_of_sealing(self) -> bool:
        """Whether next_sealing() is known to end soon after each sealing, and reads to find then what was sealed."""

    async def db_ping(self) -> Health:
        """Check that the store works and keeps tenants apart. Raises StorageUnavailable with the reason."""

    @property
    def tenant_source(self) -> str:
        """Which credential counts here: `api_key` or `header`; empty until the store was reached."""

    @property
    def database_state(self) -> str:
        """`up`, `down` or `none`, as last seen: nothing is asked."""

    async def state(self) -> StoreState:
        """Return the load of the store. The database is not asked. Raises OSError."""

    async def open(self) -> None:
        """Connect, or start without an unavailable database. Raises RefusedToServe when the store is not safe."""

    def start(self) -> None:
        """Start the background tasks; after open()."""

    async def close(self) -> None:
        """Finish the writes that were accepted, and release every resource."""


class ReplayableAuditLogger(AuditLogger, Protocol):
    """A store that a spool can wrap: it also accepts records from an outage."""

    async def replay(self, lines: Sequence[Mapping[str, str]]) -> Sequence[Outcome]:
        """Store spooled lines; return the outcome of each, in their order."""
