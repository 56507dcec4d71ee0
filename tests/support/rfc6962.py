"""Merkle trees as RFC 6962, section 2.1, defines them, in the words of its formulas: slow, and easy to check."""

import hashlib
from functools import cache

Hashes = tuple[bytes, ...]


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + line).digest()


def _split(size: int) -> int:
    """Return k, the largest power of two smaller than size."""
    return 1 << ((size - 1).bit_length() - 1)


@cache
def root(leaves: Hashes) -> bytes:
    """Return MTH(D[n]), of the hashes of the leaves."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = _split(len(leaves))
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def inclusion(m: int, leaves: Hashes) -> list[bytes]:
    """Return PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if m < k:
        return [*inclusion(m, leaves[:k]), root(leaves[k:])]
    return [*inclusion(m - k, leaves[k:]), root(leaves[:k])]


def consistency(m: int, leaves: Hashes, whole: bool = True) -> list[bytes]:
    """Return PROOF(m, D[n])."""
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = _split(len(leaves))
    if m <= k:
        return [*consistency(m, leaves[:k], whole), root(leaves[k:])]
    return [*consistency(m - k, leaves[k:], False), root(leaves[:k])]
