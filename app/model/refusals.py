"""What the service refuses on purpose, as exceptions. What each is in HTTP: app/http/problems.py."""

from typing import Any, ClassVar


class RingfenceError(Exception):
    """Base of the refusals that a caller is told. kind: stable; the last part of the problem's type.

    detail: for people; it repeats nothing that the caller sent, no SQL, and no other tenant's data. errors: the refused
    fields, one {"field", "detail"} for each.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, kind: str | None = None) -> None:
        cls.kind = kind or cls.kind

    def __init__(self, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class InvalidRequest(RingfenceError, kind="invalid-request"):
    """A field breaks a rule; of many records, `errors` names the line or index too.

    position: of many records, which one breaks it, from 1; None where that is not known, or was said already.
    """

    position: int | None = None

    @classmethod
    def field(cls, name: str, detail: str) -> "InvalidRequest":
        """One refused field."""
        return cls(f"{name}: {detail}", [{"field": name, "detail": detail}])


class IdempotencyKeyReused(RingfenceError, kind="idempotency-key-reused"):
    """The Idempotency-Key was used with another body in the last 24 hours."""


class Unauthenticated(RingfenceError, kind="unauthenticated"):
    """The request carries no API key that opens anything."""

    def __init__(self, reason: str) -> None:
        """reason: for the service's log alone."""
        super().__init__("a valid API key is needed: send Authorization: Bearer rf_...")
        self.reason = reason


class ScopeMissing(RingfenceError, kind="scope-missing"):
    """The API key may not do that."""


class TenantMissing(RingfenceError, kind="tenant-missing"):
    """The request names no tenant, where a gateway names it."""


class TenantUnknown(RingfenceError, kind="tenant-unknown"):
    """The tenant is not registered."""


class TenantMismatch(RingfenceError, kind="tenant-mismatch"):
    """The request names two tenants, or another one than its API key opens."""


class TenantHeaderRefused(RingfenceError, kind="tenant-header-refused"):
    """Tenants are named by callers, and the service listens where anybody may call."""


class MetricsRefused(RingfenceError, kind="metrics-refused"):
    """Metrics are for callers on this machine, or with the token."""


class LiveDisabled(RingfenceError, kind="live-disabled"):
    """LIVE was asked for while LIVE_ENABLED is off. The refusal is recorded."""


class AgentUnknown(RingfenceError, kind="agent-unknown"):
    """LIVE was asked for an agent that the operator has not configured. The refusal is recorded."""


class RecordNotFound(RingfenceError, kind="record-not-found"):
    """The tenant has no record with this id; another tenant may have one."""


class StorageUnavailable(RingfenceError, kind="storage-unavailable"):
    """Nothing was stored; the same request may be sent again.

    may_be_of_some: whether it may be due to some of the records, as where a node of a cluster that has them is away.
    """

    may_be_of_some = False


class DatabaseUnavailable(StorageUnavailable):
    """The database cannot be reached or cannot write now: nothing was stored, and a record may be spooled."""


class OutcomeUnknown(RingfenceError, kind="outcome-unknown"):
    """The connection was lost in a commit, and the record may be stored or not. The same id is stored once."""


class ExportsBusy(RingfenceError, kind="exports-busy"):
    """As many exports are under way as the service sends at once. Nothing was recorded."""


class ExportUnavailable(RingfenceError, kind="export-unavailable"):
    """The store has no export: the audit file."""


class EvidenceUnavailable(RingfenceError, kind="evidence-unavailable"):
    """The store seals no records: the audit file."""


class ViewLinksUnavailable(RingfenceError, kind="view-links-unavailable"):
    """The store has no API keys that a link could open: the audit file, or a database where tenants are named."""


class NotSealedYet(RingfenceError, kind="not-sealed-yet"):
    """No signed checkpoint covers what was asked for; one will, within seconds."""


class FeedPositionLost(RingfenceError, kind="feed-position-lost"):
    """The database was restored, and no longer has what was read before the position of a feed."""

    @classmethod
    def resume(cls, detail: str, position: str) -> "FeedPositionLost":
        """position: after which the reader may go on, and loses nothing that is left."""
        return cls(detail, [{"field": "after", "detail": f"go on after {position}", "resume_after": position}])


class Pruned(RingfenceError, kind="pruned"):
    """The hashes that a proof needs went with the records. Proofs between sizes that were signed need none of them."""


class TreeContradictsItself(RingfenceError, kind="tree-contradicts-itself"):
    """The tenant's tree was changed past its functions: sealing has stopped for this tenant."""


class BodyTooLarge(RingfenceError, kind="body-too-large"):
    """The request has too many records."""


class OutcomeNotRecorded(RingfenceError, kind="outcome-not-recorded"):
    """The agent was called and its outcome could not be stored; the `started` record stands. A repeat calls again."""


class RefusedToServe(Exception):
    """The store is not one that may be served; the message says why and what to do.

    told: why, for anybody: without the names in the message.
    """

    def __init__(self, message: str, *, told: str = "the store may not be served; the service's log says why") -> None:
        super().__init__(message)
        self.told = told
