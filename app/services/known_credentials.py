"""Credentials that this worker has seen accepted or refused: only the holder of a valid one has a body read.

Nothing is opened by this: the database checks the credential in the very transaction that uses it. While the database
is unavailable, records are spooled on the strength of this alone.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import datetime

from app.model.credential import ApiKey, Caller, Credential
from app.model.refusals import RingfenceError, StorageUnavailable, TenantMismatch, TenantUnknown, Unauthenticated
from app.services.concurrency.limiter import Limiter

MAX_CREDENTIALS = 10_000
MAX_REFUSALS = 10_000
FRESH_SECONDS = 5.0
"""For which an accepted credential counts before the database is asked again."""
REFUSED_SECONDS = 2.0
"""For which a refused key is refused without asking. It never becomes valid: keys are made at random, and no revocation
is taken back."""
TRUSTED_SECONDS = 900.0
"""For which an accepted credential opens the spool, counted back from the last contact with the database. A caller who
was not seen for longer may have lost the key meanwhile."""
MAX_CHECKS = 2
"""At once. Each takes a connection for some tenths of a millisecond."""
MAX_QUEUED_CHECKS = 256


@dataclass(frozen=True, slots=True)
class Accepted:
    """A credential that the database has accepted. accepted_at: seconds, on the monotonic clock, or since 1970."""

    digest: bytes
    caller: Caller
    accepted_at: float


class KnownCredentials:
    """Credentials that the database has accepted or refused, as hashes."""

    def __init__(self, describe: Callable[[Credential], Awaitable[Caller]], last_contact: Callable[[], float]) -> None:
        """describe: asks the database what a credential opens; raises Unauthenticated or TenantUnknown.

        last_contact: when the database answered last, on the monotonic clock.
        """
        self._describe = describe
        self._last_contact = last_contact
        self._known: OrderedDict[bytes, Accepted] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, RingfenceError]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Caller]] = {}
        # Checks go by turns, of tenants for known credentials and of addresses for others: made-up keys in any number
        # delay their own address alone.
        self._checks = Limiter(
            MAX_CHECKS, busy="too many API keys are being checked", max_queued=MAX_QUEUED_CHECKS, max_seconds=5.0
        )
        self.has_new = asyncio.Event()
        """Set when a credential was added or removed."""

    async def identify(self, credential: Credential, source: str) -> Caller:
        """Return what `credential` opens; ask the database unless that has accepted it within the last seconds.

        source: the caller's address. Checks of unknown credentials are queued by address, of known ones by tenant.
        Where the database cannot be asked, trusted() counts. Raises RingfenceError.
        """
        digest = _digest(credential)
        known = self._known.get(digest)
        if known and known.accepted_at >= time.monotonic() - FRESH_SECONDS:
            return _refuse_other_tenant(credential, known.caller)
        source = known.caller.tenant_id if known else f"address {source}"
        try:
            caller = await self._ask(digest, credential, source)
        except StorageUnavailable:
            if not (trusted := self.trusted(credential)):
                raise
            caller = trusted
        return _refuse_other_tenant(credential, caller)

    def trusted(self, credential: Credential) -> Caller | None:
        """Return what the database let `credential` open; None when that was too long before its last answer."""
        known = self._known.get(_digest(credential))
        if known is None or known.accepted_at < self._last_contact() - TRUSTED_SECONDS:
            return None
        return known.caller

    def may_spool(self, credential: Credential, now: datetime) -> Caller | None:
        """Return what `credential` opens if its records may be spooled at `now`, else None. Raises TenantMismatch."""
        caller = self.trusted(credential)
        if caller is None or "write" not in caller.scopes:
            return None
        if caller.expires_at is not None and caller.expires_at <= now:
            return None
        return _refuse_other_tenant(credential, caller)

    def note_acceptance(self, credential: Credential) -> None:
        """Remember that the database has just accepted `credential`, which was identified before."""
        digest = _digest(credential)
        if known := self._known.get(digest):
            self._keep(Accepted(digest, known.caller, time.monotonic()))

    def note_refusal(self, credential: Credential, refusal: RingfenceError) -> None:
        """Remember that the database has just refused `credential`."""
        digest = _digest(credential)
        if self._known.pop(digest, None):
            self.has_new.set()
        if isinstance(refusal, Unauthenticated):
            self._refused[digest] = time.monotonic() + REFUSED_SECONDS, refusal
            self._refused.move_to_end(digest)
            if len(self._refused) > MAX_REFUSALS:
                self._refused.popitem(last=False)

    @contextmanager
    def remembering(self, credential: Credential) -> Iterator[None]:
        """Remember whether the database accepts or refuses `credential` in the block."""
        try:
            yield
        except (Unauthenticated, TenantUnknown) as refusal:
            self.note_refusal(credential, refusal)
            raise
        self.note_acceptance(credential)

    async def _ask(self, digest: bytes, credential: Credential, source: str) -> Caller:
        if refused := self._refused.get(digest):
            until, refusal = refused
            if time.monotonic() < until:
                raise refusal.with_traceback(None)  # a traceback would grow, and keep the frames alive
            del self._refused[digest]
        asking = self._asking.get(digest)
        if asking is None:
            # A context of its own: other callers await this task as well, and the first may leave before it ends.
            asking = asyncio.get_running_loop().create_task(self._learn(digest, credential, source), context=Context())
            self._asking[digest] = asking
            asking.add_done_callback(lambda task: self._end(digest, task))
        return await asyncio.shield(asking)

    async def _learn(self, digest: bytes, credential: Credential, source: str) -> Caller:
        # The key alone: identify() compares the tenant that the request names beside it with the key's.
        alone = ApiKey(credential.secret, None) if isinstance(credential, ApiKey) else credential
        async with self._checks.hold(source):
            asked = time.monotonic()
            try:
                caller = await self._describe(alone)
            except (Unauthenticated, TenantUnknown) as refusal:
                self.note_refusal(credential, refusal)
                raise
        self._keep(Accepted(digest, caller, asked))
        self.has_new.set()
        return caller

    def _keep(self, accepted: Accepted) -> None:
        self._known[accepted.digest] = accepted
        self._known.move_to_end(accepted.digest)
        if len(self._known) > MAX_CREDENTIALS:
            self._known.popitem(last=False)

    def accepted(self) -> list[Accepted]:
        """Return the accepted credentials, by the machine's clock, for a worker that starts later."""
        return [replace(each, accepted_at=each.accepted_at + _began()) for each in self._known.values()]

    def restore(self, accepted: Iterable[Accepted]) -> None:
        """Take over the credentials that earlier workers have seen accepted, the newest last."""
        for each in accepted:
            self._keep(replace(each, accepted_at=each.accepted_at - _began()))

    def _end(self, digest: bytes, task: asyncio.Task[Caller]) -> None:
        del self._asking[digest]
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would log that it never was


def _began() -> float:
    """Return when the monotonic clock began, in seconds since 1970."""
    return time.time() - time.monotonic()


def _refuse_other_tenant(credential: Credential, caller: Caller) -> Caller:
    if credential.tenant_id not in (None, caller.tenant_id):
        raise TenantMismatch("the API key belongs to another tenant")
    return caller


def _digest(credential: Credential) -> bytes:
    # With its kind: a tenant's name sent as an API key must not count as the name.
    text = f"key {credential.secret}" if isinstance(credential, ApiKey) else f"name {credential.tenant_id}"
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
