"""Blocks: 256 leaves of the tree that lie below one node, of which a store of objects takes whole ones."""

import json
from dataclasses import replace

from app.ship.batch import Batch, order_of
from app.ship.feed import FeedFailed

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
        epoch, leaf, leaf_hash = _leaf_of(lines[-1])
        if (epoch, leaf) < unfinished:
            return replace(batch, position=f"{epoch}.{leaf + 1}.{leaf_hash[:16]}", lines=tuple(lines))
        lines.pop()
    return None


def _leaf_of(line: bytes) -> tuple[int, int, str]:
    """Return the epoch, the number and the hash of the leaf of a line, in each format of the feed."""
    try:
        found = json.loads(line)
        if "leaf_hash" in found:
            return int(found["epoch"]), int(found["leaf_index"]), str(found["leaf_hash"])
        if "leafhash" in found:  # CloudEvents
            return int(found["leafepoch"]), int(found["leafindex"]), str(found["leafhash"])
        (attested,) = found["attestation_list"]  # OCSF
        epoch = attested["chain_uid"].rpartition("/")[2]
        return int(epoch), int(attested["uid"]), str(attested["fingerprint"]["value"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise FeedFailed("a line that does not say which leaf it is") from None
