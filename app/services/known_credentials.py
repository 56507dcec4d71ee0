"""The credentials with which a record is taken while the database, which alone can check them, is away."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.credentials import ApiKey, Credential
from app.errors import RingfenceError, TenantMismatch
from app.services.known_credentials_file import Accepted

_MOST_CREDENTIALS = 10_000
TRUSTED_SECONDS = 900.0
"""Before the database went away. Whoever has not written for longer than that may have lost his key meanwhile."""


@dataclass(slots=True)
class _Known:
    """tenant_id, expires_at: as the database says, and not before it has. accepted: on the monotonic clock."""

    accepted: float
    tenant_id: str | None = None
    expires_at: datetime | None = None


class KnownCredentials:
    """What this worker has seen the database accept for writing. No secret is kept, but its hash."""

    def __init__(self, describe: Callable[[ApiKey], Awaitable[Mapping[str, Any]]]) -> None:
        """describe: asks the database for a key's description (audit.describe_api_key())."""
        self._describe = describe
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: set[asyncio.Task[None]] = set()
        self.has_new = asyncio.Event()
        """Set when there is one more, or one less."""

    def note(self, credential: Credential, tenant_id: str) -> None:
        """Remember that the database has just stored a record of `tenant_id` with `credential`."""
        digest = _digest(credential)
        known = self._known.get(digest)
        if known is not None:
            known.accepted = time.monotonic()
            self._known.move_to_end(digest)
            return
        known = self._known[digest] = _Known(time.monotonic())
        if len(self._known) > _MOST_CREDENTIALS:
            self._known.popitem(last=False)
        if isinstance(credential, ApiKey):
            asking = asyncio.create_task(self._learn(digest, known, credential))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        else:
            known.tenant_id = tenant_id
            self.has_new.set()

    def forget(self, credential: Credential) -> None:
        """Forget what the database has refused."""
        if self._known.pop(_digest(credential), None):
            self.has_new.set()

    def accepted(self) -> list[Accepted]:
        """Return what is known, for a worker that starts later."""
        began = time.time() - time.monotonic()  # of the monotonic clock, by the machine's
        return [
            Accepted(digest, known.tenant_id, known.expires_at, began + known.accepted)
            for digest, known in self._known.items()
            if known.tenant_id is not None
        ]

    def restore(self, accepted: Iterable[Accepted]) -> None:
        """Take over what an earlier worker knew, the newest last."""
        began = time.time() - time.monotonic()
        for each in accepted:
            self._known[each.digest] = _Known(each.accepted_at - began, each.tenant_id, each.expires_at)

    def tenant_of(self, credential: Credential, last_contact: float, now: datetime) -> str | None:
        """Return the tenant that the database let `credential` write for, or None where that was too long ago.

        last_contact: when the database answered last, on the monotonic clock. Raises TenantMismatch when the request
        names another one.
        """
        known = self._known.get(_digest(credential))
        if known is None or known.tenant_id is None or known.accepted < last_contact - TRUSTED_SECONDS:
            return None
        if known.expires_at is not None and known.expires_at <= now:
            return None
        if credential.tenant_id not in (None, known.tenant_id):
            raise TenantMismatch("the API key belongs to another tenant")
        return known.tenant_id

    async def _learn(self, digest: bytes, known: _Known, credential: ApiKey) -> None:
        try:
            described = await self._describe(credential)
        except RingfenceError:
            self._known.pop(digest, None)
            return
        expires_at = described["expires_at"]
        known.expires_at = expires_at and datetime.fromisoformat(expires_at)
        known.tenant_id = described["tenant_id"]
        self.has_new.set()


def _digest(credential: Credential) -> bytes:
    # What kind it is belongs to it: a name sent as a key must not be taken for the name.
    text = f"key {credential.secret}" if isinstance(credential, ApiKey) else f"name {credential.tenant_id}"
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
