"""What this worker knows of credentials, so that only a caller who holds a valid one is read and queued.

It decides nothing but whether to go on: the database checks the credential in the very transaction that uses it. While
the database is unavailable nobody else can say anything, and then this is on whose word a record waits in the spool.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime

from app.model.credential import ApiKey, Caller, Credential
from app.model.refusals import RingfenceError, StorageUnavailable, TenantMismatch, TenantUnknown, Unauthenticated
from app.services.concurrency.limiter import Limiter

MAX_CREDENTIALS = 10_000
MAX_REFUSALS = 10_000
FRESH_SECONDS = 5.0
"""After the database has accepted a credential; then it is asked again."""
REFUSED_SECONDS = 2.0
"""After it has refused a key, which never becomes valid: keys are made at random, and no revocation is taken back."""
TRUSTED_SECONDS = 900.0
"""Before the database went away. A caller who was not seen for longer may have lost the key meanwhile."""
MAX_CHECKS = 2
"""At once. Each takes a connection for some tenths of a millisecond."""
MAX_QUEUED_CHECKS = 256


@dataclass(frozen=True, slots=True)
class Accepted:
    """A credential that the database has accepted, as the spool keeps it. accepted_at: seconds since 1970."""

    digest: bytes
    caller: Caller
    accepted_at: float


@dataclass(slots=True)
class _Known:
    """accepted: when the database did so last, on the monotonic clock."""

    accepted: float
    caller: Caller


class KnownCredentials:
    """Credentials that the database has accepted or refused. No secret is kept, but its hash."""

    def __init__(self, describe: Callable[[Credential], Awaitable[Caller]], last_contact: Callable[[], float]) -> None:
        """describe: asks the database what a credential opens; raises Unauthenticated or TenantUnknown.

        last_contact: says when the database answered last, on the monotonic clock.
        """
        self._describe = describe
        self._last_contact = last_contact
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, RingfenceError]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Caller]] = {}
        # Tenants that are known, and addresses that bring what is not, have their turns: made-up keys in any number
        # delay those of their own address.
        self._checks = Limiter(
            MAX_CHECKS, busy="too many API keys are being checked", max_queued=MAX_QUEUED_CHECKS, max_seconds=5.0
        )
        self.has_new = asyncio.Event()
        """Set when there is one more, or one less."""

    async def identify(self, credential: Credential, source: str) -> Caller:
        """Return what `credential` opens. The database is asked where it has not accepted it in the last seconds.

        source: whose turn to ask it is, for one that is not known. Where the database cannot be asked, trusted()
        counts. Raises RingfenceError.
        """
        digest = _digest(credential)
        known = self._known.get(digest)
        if known is None or known.accepted < time.monotonic() - FRESH_SECONDS:
            source = known.caller.tenant_id if known else f"address {source}"
            try:
                caller = await self._ask(digest, credential, source)
            except StorageUnavailable:
                trusted = self.trusted(credential)
                if trusted is None:
                    raise
                caller = trusted
        else:
            caller = known.caller
        if credential.tenant_id not in (None, caller.tenant_id):
            raise TenantMismatch("the API key belongs to another tenant")
        return caller

    def trusted(self, credential: Credential) -> Caller | None:
        """Return what the database let `credential` open, or None where that was too long before it went away."""
        known = self._known.get(_digest(credential))
        if known is None or known.accepted < self._last_contact() - TRUSTED_SECONDS:
            return None
        return known.caller

    def note_acceptance(self, credential: Credential) -> None:
        """Remember that the database has just accepted `credential`, which was identified before."""
        digest = _digest(credential)
        if known := self._known.get(digest):
            known.accepted = time.monotonic()
            self._known.move_to_end(digest)

    def note_refusal(self, credential: Credential, refusal: RingfenceError) -> None:
        """Remember that the database has just refused `credential`."""
        self._forget(_digest(credential), refusal)

    async def _ask(self, digest: bytes, credential: Credential, source: str) -> Caller:
        if refused := self._refused.get(digest):
            until, refusal = refused
            if time.monotonic() < until:
                raise refusal.with_traceback(None)  # which would grow, and keep what it has seen
            del self._refused[digest]
        asking = self._asking.get(digest)
        if asking is None:
            # In a context of its own: other callers wait for it as well, and the first one may leave before it ends.
            asking = asyncio.get_running_loop().create_task(self._learn(digest, credential, source), context=Context())
            self._asking[digest] = asking
            asking.add_done_callback(lambda task: self._end(digest, task))
        return await asyncio.shield(asking)

    async def _learn(self, digest: bytes, credential: Credential, source: str) -> Caller:
        # The key alone: what the request names beside it is compared with what it opens.
        alone = ApiKey(credential.secret, None) if isinstance(credential, ApiKey) else credential
        async with self._checks.hold(source):
            asked = time.monotonic()
            try:
                caller = await self._describe(alone)
            except (Unauthenticated, TenantUnknown) as refusal:
                self._forget(digest, refusal)
                raise
        self._known[digest] = _Known(asked, caller)
        self._known.move_to_end(digest)
        if len(self._known) > MAX_CREDENTIALS:
            self._known.popitem(last=False)
        self.has_new.set()
        return caller

    def accepted(self) -> list[Accepted]:
        """Return what is known, for a worker that starts later."""
        began = time.time() - time.monotonic()  # of the monotonic clock, by the machine's
        return [Accepted(digest, known.caller, began + known.accepted) for digest, known in self._known.items()]

    def restore(self, accepted: Iterable[Accepted]) -> None:
        """Take over what an earlier worker knew, the newest last."""
        began = time.time() - time.monotonic()
        for each in accepted:
            self._known[each.digest] = _Known(each.accepted_at - began, each.caller)

    def _forget(self, digest: bytes, refusal: RingfenceError) -> None:
        if self._known.pop(digest, None):
            self.has_new.set()
        if not isinstance(refusal, Unauthenticated):
            return
        self._refused[digest] = time.monotonic() + REFUSED_SECONDS, refusal
        self._refused.move_to_end(digest)
        if len(self._refused) > MAX_REFUSALS:
            self._refused.popitem(last=False)

    def _end(self, digest: bytes, task: asyncio.Task[Caller]) -> None:
        del self._asking[digest]
        if not task.cancelled():
            task.exception()  # or asyncio would print that nobody asked for it


def spooled_tenant(caller: Caller, credential: Credential, now: datetime) -> str | None:
    """Return the tenant that `caller` may write for at `now`, or None. Raises TenantMismatch."""
    if "write" not in caller.scopes or (caller.expires_at is not None and caller.expires_at <= now):
        return None
    if credential.tenant_id not in (None, caller.tenant_id):
        raise TenantMismatch("the API key belongs to another tenant")
    return caller.tenant_id


def _digest(credential: Credential) -> bytes:
    # What kind it is belongs to it: a name sent as a key must not be taken for the name.
    text = f"key {credential.secret}" if isinstance(credential, ApiKey) else f"name {credential.tenant_id}"
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
