"""Signing: from the heads in the database to checkpoints in the database, in rounds.

The order within a round is what matters: a head is checked against the memory, written to the memory, signed, shown to
the witnesses, stored, and only then published.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.sign import heads as rules
from app.sign import notes
from app.sign.database import CallFailed, Database
from app.sign.files import Keys
from app.sign.heads import Head, HeadRefused, Known
from app.sign.memory import Memory, Stored
from app.sign.publish import Publisher
from app.sign.witnesses import Witness, cosign_all

logger = logging.getLogger("ringfence.sign")

_BATCH = 200
"""Heads that are written to the memory at once."""


@dataclass(slots=True)
class Round:
    """What one round did: how many heads were signed and stored, are refused, failed, or wait for witnesses."""

    signed: int = 0
    refused: int = 0
    failed: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Witnessing:
    """The witnesses, how many must cosign before a checkpoint is stored, and how long they may take."""

    witnesses: Sequence[Witness] = field(default=())
    quorum: int = 0
    seconds: float = 2.0


class Signer:
    """Signs the heads of one database with the keys of one directory."""

    def __init__(
        self, database: Database, memory: Memory, keys: Keys, witnessing: Witnessing, publisher: Publisher
    ) -> None:
        self._database = database
        self._memory = memory
        self._keys = keys
        self._witnessing = witnessing
        self._publisher = publisher
        self._reported: set[tuple[str, int]] = set()

    async def round(self) -> Round:
        """Sign every head that is new and may be signed. Raises database.Unavailable; then the next round goes on."""
        done = Round()
        listed = self._read(await self._database.heads(), done)
        newest: dict[str, int] = {}
        for head in listed:
            newest[head.tenant_id] = max(head.epoch, newest.get(head.tenant_id, 0))
        self._check_listed(newest)
        due = [head for head in listed if self._is_due(head, newest[head.tenant_id])]
        for start in range(0, len(due), _BATCH):
            await self._sign(due[start : start + _BATCH], newest, done)
        done.refused = len(self._memory.refusals)
        return done

    def _read(self, rows: Sequence[Sequence[object]], done: Round) -> list[Head]:
        """Return one head for each tree, later epochs first: the statement of an epoch names the one before as it was.

        A tree that is listed twice is refused: each head would be good by itself, and the two a fork.
        """
        found: dict[tuple[str, int], Head] = {}
        for row in rows:
            try:
                head = rules.read_head(row)
            except ValueError as error:
                done.failed += 1
                logger.error("the database lists what is no head: %s", error)
                continue
            key = (head.tenant_id, head.epoch)
            if found.setdefault(key, head) is not head:
                self._refuse(*key, HeadRefused("the database lists two heads of this tree at once"))
        return [found[key] for key in sorted(found, key=lambda key: (key[0], -key[1]))]

    def _check_listed(self, newest: dict[str, int]) -> None:
        for tenant, epochs in self._memory.known.items():
            last = max(epochs)
            try:
                rules.check_listed(tenant, last, newest.get(tenant, 0))
            except HeadRefused as refusal:
                self._refuse(tenant, last, refusal)

    def _is_due(self, head: Head, newest: int) -> bool:
        key = (head.tenant_id, head.epoch)
        epochs = self._memory.known.get(head.tenant_id, {})
        if key in self._memory.refusals or (head.epoch < newest and newest not in epochs):
            # A closed epoch's last head waits until the epoch after it was accepted: its statement names the head that
            # was the last signed one when it was made.
            return False
        known = epochs.get(head.epoch)
        if known is None:
            return head.size > 0
        return (head.size, head.root, head.checkpoint_size) != (known.size, known.root, known.size)

    async def _sign(self, due: Sequence[Head], newest: dict[str, int], done: Round) -> None:
        good: list[Head] = []
        for head in due:
            try:
                await self._check(head)
            except HeadRefused as refusal:
                if head.epoch < newest[head.tenant_id]:
                    self._pass_over(head, refusal)
                else:
                    self._refuse(head.tenant_id, head.epoch, refusal)
            except CallFailed as failure:
                done.failed += 1
                logger.error("epoch %d of %s was not signed: %s", head.epoch, head.tenant_id, failure)
            else:
                good.append(head)
        # The memory before any signature: after a crash the database may know less than the memory, never more.
        self._memory.remember((head.tenant_id, head.epoch, Known(head.size, head.root)) for head in good)
        stored: list[Stored] = []
        try:
            for head in good:
                if checkpoint := await self._store(head, done):
                    stored.append(checkpoint)
        finally:  # also when the database is lost in between
            self._memory.note_stored(stored)
            self._publisher.submit(stored)
            done.signed += len(stored)

    async def _check(self, head: Head) -> None:
        epochs = self._memory.known.get(head.tenant_id, {})
        known = epochs.get(head.epoch)
        rules.check_size(head, known)
        if known is not None and known.size < head.size:
            rules.check_extension(head, known, await self._database.consistency_proof(head, known.size))
        if known is None and head.epoch > 1:
            await self._check_statements(head, epochs)

    async def _check_statements(self, head: Head, known: Mapping[int, Known]) -> None:
        """Check the statements from a new epoch back to one that is known, or to the first. Raises HeadRefused."""
        lost: list[str] = []
        each = head
        while each.epoch > 1 and each.epoch not in known:
            line, hashes = await self._database.epoch_statement(each)
            statement = rules.check_statement(each, line, hashes, known)
            lost += statement.lost
            each = statement.before
        if lost:
            told = ", ".join(lost)
            logger.warning(
                "epoch %d of %s begins, and says that signed leaves are lost: %s", head.epoch, head.tenant_id, told
            )

    async def _store(self, head: Head, done: Round) -> Stored | None:
        note = self.note(head)
        try:
            lines = await cosign_all(
                self._witnessing.witnesses, head, note, self._database.consistency_proof, self._witnessing.seconds
            )
            if len(lines) < self._witnessing.quorum:
                done.waiting += 1
                return None
            note += "".join(lines)
            await self._database.store_checkpoint(head, note)
        except HeadRefused as refusal:
            self._refuse(head.tenant_id, head.epoch, refusal)
            return None
        except CallFailed as failure:
            done.failed += 1
            logger.error("a checkpoint of epoch %d of %s was not stored: %s", head.epoch, head.tenant_id, failure)
            return None
        return Stored(head.tenant_id, head.epoch, head.size, note)

    def note(self, head: Head) -> str:
        """Return the head as a signed note, without cosignatures."""
        origin = notes.origin_of(self._keys.log_name, head.tenant_id, head.epoch)
        text = notes.Checkpoint(origin, head.size, head.root).text
        return text + "\n" + "".join(str(notes.sign(text, origin, key)) for key in self._keys.at(datetime.now(UTC)))

    def _refuse(self, tenant: str, epoch: int, refusal: HeadRefused) -> None:
        if (tenant, epoch) not in self._memory.refusals:
            self._memory.refuse(tenant, epoch, str(refusal))
            logger.error("nothing more of epoch %d of %s is signed until you act: %s", epoch, tenant, refusal)

    def _pass_over(self, head: Head, refusal: HeadRefused) -> None:
        """Leave a closed epoch as it was signed: what it lost stands in the statement of the epoch after it."""
        if (head.tenant_id, head.epoch) not in self._reported:
            self._reported.add((head.tenant_id, head.epoch))
            logger.warning("epoch %d of %s is closed, and not signed: %s", head.epoch, head.tenant_id, refusal)
