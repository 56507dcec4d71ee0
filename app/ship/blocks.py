"""Blocks: 256 leaves of the tree that lie below one node, of which a store of objects takes whole ones."""

from dataclasses import replace

from app.ship.batch import Batch, order_of
from app.ship.leaves import leaf_of

LEAVES = 256
"""Of a block. Once all of its records are pruned, their hashes become one (docs/retention.md)."""


def whole_blocks(batch: Batch) -> Batch | None:
    """Return the batch up to the last end of a block in it; None where it ends none. Raises FeedFailed."""
    epoch, size = order_of(batch.position)
    if size % LEAVES == 0:
        return batch
    unfinished = (epoch, size - size % LEAVES)
    lines = list(batch.lines)
    while lines:
        epoch, leaf, leaf_hash = leaf_of(lines[-1])
        if (epoch, leaf) < unfinished:
            return replace(batch, position=f"{epoch}.{leaf + 1}.{leaf_hash[:16]}", lines=tuple(lines))
        lines.pop()
    return None
