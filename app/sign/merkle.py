"""Proofs of Merkle trees (RFC 6962, SHA-256), checked as RFC 9162 section 2.1 describes.

The signer checks what the database answers; so this shares no code with the database, nor with the verifier.
"""

from collections.abc import Sequence
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256().digest()
MAX_HASHES = 63
"""Hashes of the longest proof: a tree has less than 2^63 leaves."""


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def is_extension(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether the tree of `size` leaves begins with the tree of `old_size` leaves. Both have leaves."""
    if not 0 < old_size <= size or not _is_proof(proof):
        return False
    if old_size == size:
        return not proof and old_root == root
    # A power of two is one complete subtree, whose hash is the old root itself: the proof leaves it out.
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not hashes:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == old_root and new == root


def _is_proof(hashes: Sequence[bytes]) -> bool:
    return len(hashes) <= MAX_HASHES and all(len(each) == HASH_SIZE for each in hashes)
