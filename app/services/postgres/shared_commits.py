"""Single records of many requests in one commit, where one tenant's must not hold up another's.

On a cluster the records of some tenants may lie on a node that is away, and fail the commit that they share. Such
tenants get a queue and commits of their own, one for each tenant, until they can be stored again.
"""

from collections.abc import Awaitable, Callable, Sequence

from app.model.context import MAX_CONTEXT_BYTES
from app.model.credential import Credential
from app.model.record import Record
from app.model.refusals import InvalidRequest, RingfenceError, StorageUnavailable
from app.services.concurrency.group_commit import GroupCommit
from app.services.db import MAX_WRITE_SECONDS
from app.telemetry.metrics import COMMIT_RECORDS

Entry = tuple[Credential, Record]
Outcomes = Sequence[str | RingfenceError]
"""The tenant of each record that is stored, or its refusal."""

# Of one commit, and of the queue: four commits, so that a queued record is stored soon.
MAX_RECORDS = 64
MAX_BYTES = 1_048_576
MAX_QUEUED = 256


class SharedCommits:
    """Stores records together. write: stores them in one commit, or raises."""

    def __init__(self, write: Callable[[Sequence[Entry]], Awaitable[Outcomes]]) -> None:
        self._write = write
        self._apart: set[str] = set()
        self._together = _group_commit(self._write_together)
        self._alone = _group_commit(self._write_by_tenant)

    async def submit(self, credential: Credential, record: Record) -> str:
        """Store a record and return its tenant, or raise its refusal. See GroupCommit.submit()."""
        tenant = tenant_of(credential)
        commits = self._alone if tenant in self._apart else self._together
        return await commits.submit(tenant, (credential, record))

    @property
    def queued(self) -> int:
        """Number of records in the queues."""
        return self._together.queued + self._alone.queued

    async def drain(self) -> None:
        """Return when every record that was submitted is stored or refused."""
        await self._together.drain()
        await self._alone.drain()

    async def _write_together(self, entries: Sequence[Entry]) -> Outcomes:
        COMMIT_RECORDS.observe(len(entries))
        try:
            outcomes = await self._write(entries)
        except InvalidRequest:  # the server cannot read one of them, which write_log() should have refused
            return [outcome for entry in entries for outcome in await self._write_part([entry])]
        except StorageUnavailable as refusal:
            if not refusal.may_be_of_some:
                raise
            return await self._write_by_tenant(entries)
        self._note(entries, outcomes)
        return outcomes

    async def _write_by_tenant(self, entries: Sequence[Entry]) -> Outcomes:
        parts: dict[str, list[int]] = {}
        for place, (credential, _) in enumerate(entries):
            parts.setdefault(tenant_of(credential), []).append(place)
        found: dict[int, str | RingfenceError] = {}
        for places in parts.values():
            part = [entries[place] for place in places]
            outcomes = await self._write_part(part)
            self._note(part, outcomes)
            found.update(zip(places, outcomes, strict=True))
        return [found[place] for place in range(len(entries))]

    async def _write_part(self, entries: Sequence[Entry]) -> Outcomes:
        try:
            return await self._write(entries)
        except RingfenceError as refusal:
            return [refusal] * len(entries)

    def _note(self, entries: Sequence[Entry], outcomes: Outcomes) -> None:
        """Remember whose records could not be stored although the database answers, until one is stored."""
        for (credential, _), outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, StorageUnavailable) and outcome.may_be_of_some:
                self._apart.add(tenant_of(credential))
            elif isinstance(outcome, str):
                self._apart.discard(tenant_of(credential))


def tenant_of(credential: Credential) -> str:
    """Return whose request it is."""
    return credential.tenant_id or ""  # app.http.credentials.credential_of() has set it


def _group_commit(write: Callable[[Sequence[Entry]], Awaitable[Outcomes]]) -> GroupCommit[Entry, str]:
    return GroupCommit(
        write, _size, max_items=MAX_RECORDS, max_bytes=MAX_BYTES, max_queued=MAX_QUEUED, max_seconds=MAX_WRITE_SECONDS
    )


def _size(entry: Entry) -> int:
    _, record = entry
    texts = (record.trace_id, record.agent_id, record.mode, record.status, record.user_id, record.error)
    # Of a context the most that it can take: writing it twice would cost more than a commit that is shared by fewer.
    return 256 + sum(len(text) for text in texts if text) + (MAX_CONTEXT_BYTES if record.context else 0)
