"""What the signer knows of a tree, and the rules by which it signs or refuses. Nothing here asks or stores.

A refusal is about one origin, that is one tenant and epoch. It lasts until the operator acts: what cannot be explained
must not be signed over by the next head.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.sign import merkle, notes

_STATEMENT = (
    "version", "kind", "tenant_id", "epoch", "previous_epoch", "previous_size", "previous_root", "known_size",
    "known_root", "reason", "began_at",
)  # fmt: skip


class HeadRefused(Exception):
    """The head must not be signed. The message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a tree as the database has it. checkpoint_size: of its latest stored checkpoint, None without one."""

    tenant_id: str
    epoch: int
    size: int
    root: bytes
    checkpoint_size: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """The last head of a tree that the signer has signed."""

    size: int
    root: bytes


def read_head(row: Sequence[object]) -> Head:
    """Make a head of a row of the database, which is not trusted. Raises ValueError.

    Each head must have an origin of its own, and be one line each in a checkpoint: a tenant's id with a slash or a line
    end would let another tree be signed under this name.
    """
    tenant, epoch, size, root, checkpoint = row
    if (
        not isinstance(tenant, str) or not notes.is_tenant(tenant)
        or type(epoch) is not int or epoch < 1
        or type(size) is not int or size < 0
        or not isinstance(root, bytes) or len(root) != merkle.HASH_SIZE
        or not (checkpoint is None or (type(checkpoint) is int and checkpoint >= 0))
    ):  # fmt: skip
        raise ValueError("not a tenant's id, an epoch, a size, a root and the size of a checkpoint")
    return Head(tenant, epoch, size, root, checkpoint)


def check_size(head: Head, known: Known | None) -> None:
    """Compare a head with the last one that was signed, as far as that goes without a proof. Raises HeadRefused."""
    signed = known.size if known else 0
    if head.checkpoint_size is not None and head.checkpoint_size > signed:
        raise HeadRefused(
            f"the database has a checkpoint of {head.checkpoint_size} leaves, and this memory ends at {signed}: the"
            " memory was lost or rolled back, or another signer has used this key; adopt the latest checkpoints"
        )
    if known is None:
        return
    if head.size < known.size:
        raise HeadRefused(f"the tree has {head.size} leaves, and {known.size} were signed: leaves are gone")
    if head.size == known.size and head.root != known.root:
        raise HeadRefused(f"the tree of {head.size} leaves has another root than the one that was signed")


def check_extension(head: Head, known: Known, proof: Sequence[bytes]) -> None:
    """Check that the tree of a head begins with the one that was signed. Raises HeadRefused."""
    if not merkle.is_extension(known.size, known.root, head.size, head.root, proof):
        raise HeadRefused(f"the first {known.size} of the tree's {head.size} leaves are not those that were signed")


def check_listed(tenant_id: str, newest_known: int, newest_listed: int) -> None:
    """Check that the database still has the newest epoch that was signed. newest_listed: 0 for no tree at all."""
    if newest_listed < newest_known:
        has = f"has only epoch {newest_listed}" if newest_listed else "has no tree"
        raise HeadRefused(f"epoch {newest_known} of {tenant_id} was signed, and the database {has}")


@dataclass(frozen=True, slots=True)
class Statement:
    """What the statement of a new epoch says: the tree that it continues, and which signed leaves are lost."""

    before: Head
    lost: Sequence[str]


def check_statement(head: Head, line: str, proof: Sequence[bytes], known: Mapping[int, Known]) -> Statement:
    """Check the statement with which a new epoch begins, and return what it says. Raises HeadRefused.

    proof: that the tree of one leaf, this statement, is the beginning of the head's. known: the last signed heads of
    this tenant, by epoch. The statement must name that of the epoch which it continues, so that leaves that are lost
    stand in the signed tree itself, where every verifier finds them. So does an epoch that is lost as a whole: its
    number is passed over.

    Where nothing was signed of the epoch before and that one has a statement too, the caller must check it in turn, up
    to an epoch that is known: a chain of epochs hides nothing only if none of its statements does.
    """
    if not merkle.is_extension(1, merkle.leaf_hash(line.encode()), head.size, head.root, proof):
        raise HeadRefused(f"epoch {head.epoch} does not begin with the statement that the database shows")
    said = _parse(line)
    previous = said["previous_epoch"]
    if (said["tenant_id"], said["epoch"]) != (head.tenant_id, head.epoch) or not 0 < previous < head.epoch:
        raise HeadRefused(f"the statement of epoch {head.epoch} is about another epoch or tenant")
    before = _before(said)
    last = known.get(previous)
    expected = (last.size, last.root.hex()) if last else (None, None)
    if (said["known_size"], said["known_root"]) != expected:
        signed = f"{last.size} leaves" if last else "nothing"
        raise HeadRefused(
            f"epoch {head.epoch} says that {said['known_size'] or 'nothing'} of epoch {previous} was known as signed,"
            f" and this signer has signed {signed} of it, or another root: begin an epoch with what `known` prints"
        )
    lost = [f"all {known[epoch].size} of epoch {epoch}" for epoch in sorted(known) if previous < epoch < head.epoch]
    if last and last.size > before.size:
        lost.insert(0, f"{last.size - before.size} of epoch {previous}")
    if last is None and previous > 1 and before.size == 0:
        raise HeadRefused(f"epoch {head.epoch} continues epoch {previous}, which has no leaf, and so no statement")
    return Statement(before, lost)


def _before(said: Mapping[str, Any]) -> Head:
    """Return the head of the epoch that a statement continues. Raises HeadRefused."""
    try:
        root = bytes.fromhex(said["previous_root"])
    except (TypeError, ValueError):
        root = b""
    if len(root) != merkle.HASH_SIZE or said["previous_size"] < 0:
        raise HeadRefused(f"the first leaf of the epoch has no size and root of epoch {said['previous_epoch']}")
    return Head(said["tenant_id"], said["previous_epoch"], said["previous_size"], root, None)


def _parse(line: str) -> dict[str, Any]:
    """Read a statement. Raises HeadRefused."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if tuple(name for name, _ in pairs) != _STATEMENT:
            raise ValueError
        return dict(pairs)

    try:
        said = json.loads(line, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise HeadRefused("the first leaf of the epoch is not a statement of format 1") from None
    if not isinstance(said, dict) or (said["version"], said["kind"]) != (1, "epoch"):
        raise HeadRefused("the first leaf of the epoch is not a statement of an epoch")
    if any(type(said[name]) is not int for name in ("epoch", "previous_epoch", "previous_size")):
        raise HeadRefused("the first leaf of the epoch has numbers that are none")
    return said
