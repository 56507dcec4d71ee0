"""The credentials with which a record is taken while the database, which alone can check them, is away."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.credentials import ApiKey, Credential
from app.errors import RingfenceError, TenantMismatch
from app.services.spool_lines import SpoolKeySource

_MOST_CREDENTIALS = 10_000
_TRUSTED_SECONDS = 900.0
"""Before the database went away. Whoever has not written for longer than that may have lost his key meanwhile."""


@dataclass(slots=True)
class _Known:
    """tenant_id and what follows: as the database says, and not before it has. accepted: on the monotonic clock."""

    accepted: float
    tenant_id: str | None = None
    expires_at: datetime | None = None
    spool_key_source: SpoolKeySource = "secret"


class KnownCredentials:
    """What this worker has seen the database accept for writing. No secret is kept, but its hash, in memory alone."""

    def __init__(self, describe: Callable[[ApiKey], Awaitable[Mapping[str, Any]]]) -> None:
        """describe: asks the database for a key's description (audit.describe_api_key())."""
        self._describe = describe
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: set[asyncio.Task[None]] = set()

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

    def forget(self, credential: Credential) -> None:
        """Forget what the database has refused."""
        self._known.pop(_digest(credential), None)

    def tenant_of(self, credential: Credential, last_contact: float, now: datetime) -> str | None:
        """Return the tenant that the database let `credential` write for, or None where that was too long ago.

        last_contact: when the database answered last, on the monotonic clock. Raises TenantMismatch when the request
        names another one.
        """
        known = self._known.get(_digest(credential))
        if known is None or known.tenant_id is None or known.accepted < last_contact - _TRUSTED_SECONDS:
            return None
        if known.expires_at is not None and known.expires_at <= now:
            return None
        if credential.tenant_id not in (None, known.tenant_id):
            raise TenantMismatch("the API key belongs to another tenant")
        return known.tenant_id

    def spool_key_source(self, credential: Credential) -> SpoolKeySource:
        """Return what lines of `credential`, which has just been known, are signed with; see spool_lines."""
        return self._known[_digest(credential)].spool_key_source

    async def _learn(self, digest: bytes, known: _Known, credential: ApiKey) -> None:
        try:
            described = await self._describe(credential)
        except RingfenceError:
            self._known.pop(digest, None)
            return
        expires_at = described["expires_at"]
        known.expires_at = expires_at and datetime.fromisoformat(expires_at)
        known.spool_key_source = described["spool_key_source"]
        known.tenant_id = described["tenant_id"]  # last: from here on records are taken


def _digest(credential: Credential) -> bytes:
    text = credential.secret if isinstance(credential, ApiKey) else credential.tenant_id
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
