"""Which leaf of the tree a line of a feed is, in each format of the feed."""

import json

from app.ship.feed import FeedFailed


def leaf_of(line: bytes) -> tuple[int, int, str]:
    """Return the epoch, the index and the hash of the leaf of a line, the hash in hexadecimal. Raises FeedFailed."""
    try:
        found = json.loads(line)
        if "leaf_hash" in found:
            return int(found["epoch"]), int(found["leaf_index"]), _hash(found["leaf_hash"])
        if "leafhash" in found:  # CloudEvents
            return int(found["leafepoch"]), int(found["leafindex"]), _hash(found["leafhash"])
        (attested,) = found["attestation_list"]  # OCSF
        epoch = attested["chain_uid"].rpartition("/")[2]
        return int(epoch), int(attested["uid"]), _hash(attested["fingerprint"]["value"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise FeedFailed("a line that does not say which leaf it is") from None


def _hash(text: str) -> str:
    return bytes.fromhex(text).hex()  # it becomes part of positions and of messages, as it is
