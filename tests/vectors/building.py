"""Builds evidence from fixed seeds: records, trees, notes and bundles, the same bytes each time.

Written apart from app/verify and from the SQL, after the specifications: an error in one of them is not repeated here.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOG = "ringfence.example"
BEGAN = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
Ranges = Sequence[tuple[int, int]]


def sha256(*parts: bytes) -> bytes:
    """Return the SHA-256 of the parts, one behind the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def line(value: dict[str, Any]) -> str:
    """Return JSON on one line, as to_json(text) escapes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def time(seconds: float) -> str:
    """Return the time so many seconds after BEGAN, with six digits."""
    return (BEGAN + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# The tree, as RFC 6962 defines it: by recursion over all leaves


def split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root(hashes: Sequence[bytes]) -> bytes:
    """Return MTH of leaf hashes (RFC 6962, 2.1)."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256()
    middle = split(len(hashes))
    return sha256(b"\x01", root(hashes[:middle]), root(hashes[middle:]))


def path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return PATH, the inclusion proof of a leaf (RFC 6962, 2.1.1)."""
    if len(hashes) == 1:
        return []
    middle = split(len(hashes))
    if index < middle:
        return [*path(index, hashes[:middle]), root(hashes[middle:])]
    return [*path(index - middle, hashes[middle:]), root(hashes[:middle])]


# Keys and notes


@dataclass(frozen=True)
class Signer:
    """A test key, made from its label: whoever reads this file can sign with it."""

    label: str
    kind: int = 1

    @property
    def private(self) -> Ed25519PrivateKey:
        """The key."""
        return Ed25519PrivateKey.from_private_bytes(sha256(b"ringfence test key, not secret: ", self.label.encode()))

    def public(self) -> bytes:
        """Return the public key with its first byte, the kind."""
        return bytes([self.kind]) + self.private.public_key().public_bytes_raw()

    def key_id(self, name: str) -> bytes:
        """Return the four bytes of a signature line."""
        return sha256(name.encode(), b"\n", self.public())[:4]

    def vkey(self, name: str) -> str:
        """Return the public key as a tenant gets it."""
        return f"{name}+{self.key_id(name).hex()}+{base64.b64encode(self.public()).decode()}"

    def sign(self, text: str, name: str, seconds: int | None = None) -> str:
        """Return a signature line; with a time, a cosignature (c2sp.org/tlog-cosignature)."""
        stamp = b"" if seconds is None else seconds.to_bytes(8, "big")
        message = text if seconds is None else f"cosignature/v1\ntime {seconds}\n{text}"
        return (
            f"— {name} {base64.b64encode(self.key_id(name) + stamp + self.private.sign(message.encode())).decode()}\n"
        )


KEY = Signer("log")
NEW_KEY = Signer("log, rotated")
STRANGER = Signer("stranger")


def origin(tenant: str, epoch: int) -> str:
    """Return the origin of a tenant's epoch."""
    return f"{LOG}/{tenant}" if epoch == 1 else f"{LOG}/{tenant}/{epoch}"


def checkpoint_text(name: str, hashes: Sequence[bytes]) -> str:
    """Return the text of a checkpoint: what is signed."""
    return f"{name}\n{len(hashes)}\n{base64.b64encode(root(hashes)).decode()}\n"


# Leaves


@dataclass(frozen=True)
class Leaf:
    """A leaf's line and, of a record that was not erased, its private line."""

    text: str
    private: str | None = None

    @property
    def hash(self) -> bytes:
        """The leaf hash (RFC 6962, 2.1)."""
        return sha256(b"\x00", self.text.encode())

    def erased(self) -> "Leaf":
        """Return the leaf without its private line."""
        return Leaf(self.text)


def record(number: int, *, private: dict[str, Any] | None = None, **fields: Any) -> Leaf:
    """Return the record of this number; fields are put in place of those that it has."""
    random = sha256(b"record", str(number).encode()).hex()
    shown = {"salt": sha256(b"salt", str(number).encode()).hex(), "user_id": f"user-{number % 3}", "error": None,
             "context": line({"gen_ai.request.model": "credit-7", "event": "scored"})}  # fmt: skip
    private_line = line(shown | (private or {}))
    milliseconds = f"{int(BEGAN.timestamp() * 1000) + number * 1000:012x}"
    value = {
        "version": 1, "kind": "record", "tenant_id": "acme",
        "id": f"{milliseconds[:8]}-{milliseconds[8:]}-7{random[:3]}-8{random[3:6]}-{random[6:18]}",
        "trace_id": random[:32], "agent_id": "credit-scoring", "mode": "LIVE", "status": "success", "http_status": 200,
        "latency_ms": 40 + number, "created_at": time(number + 0.000123), "recorded_at": time(number + 0.000456),
        "api_key_id": "1dad20d05ae27436", "private_sha256": sha256(private_line.encode()).hex(),
    } | fields  # fmt: skip
    return Leaf(line(value), private_line)


def records(first: int, end: int) -> list[Leaf]:
    """Return the records of these numbers."""
    return [record(number) for number in range(first, end)]


def gone(kind: str, ranges: Ranges, epoch: int = 1, **fields: Any) -> Leaf:
    """Return the statement that leaves of a tree were pruned or erased: unless given, a prune of imported history."""
    rule = {
        "mode": "LIVE", "keep_days": 365,
        "first_created_at": time(-500 * 86400), "last_created_at": time(-400 * 86400),
    }  # fmt: skip
    value = {"version": 1, "kind": kind, "tenant_id": "acme", "epoch": epoch, "leaves": ranges}
    return Leaf(line(value | (rule if kind == "prune" else {}) | {"at": time(3600)} | fields))


def began(
    before: Sequence[Leaf], epoch: int = 2, known: int | None = None, reason: str = "restore", **fields: Any
) -> Leaf:
    """Return the statement that begins an epoch after these leaves. known: the size that the signer knew."""
    hashes = [leaf.hash for leaf in before]
    value = {
        "version": 1, "kind": "epoch", "tenant_id": "acme", "epoch": epoch, "previous_epoch": epoch - 1,
        "previous_size": len(hashes), "previous_root": root(hashes).hex(), "known_size": known,
        "known_root": None if known is None else root(hashes[:known]).hex(), "reason": reason, "began_at": time(7200),
    } | fields  # fmt: skip
    return Leaf(line(value))


# Files


@dataclass(frozen=True)
class Tree:
    """One epoch: its leaves, which ranges of them are not shown, and how it is signed.

    signed: the size of its checkpoint, all leaves unless given, or None for none. note: a checkpoint in place of it.
    """

    leaves: Sequence[Leaf]
    epoch: int = 1
    tenant: str = "acme"
    hidden: Ranges = ()
    signed: int | None = -1
    signers: tuple[Signer, ...] = (KEY,)
    witnesses: tuple[tuple[Signer, str], ...] = ()
    note: str | None = None

    def checkpoint(self, size: int | None = None) -> str:
        """Return the signed checkpoint of the first `size` leaves."""
        hashes = [leaf.hash for leaf in self.leaves][:size]
        name = origin(self.tenant, self.epoch)
        text = checkpoint_text(name, hashes)
        lines = [signer.sign(text, name) for signer in self.signers]
        lines += [signer.sign(text, witness, 1796014800) for signer, witness in self.witnesses]
        return text + "\n" + "".join(lines)

    def lines(self) -> Iterable[str]:
        """Yield the lines of a bundle for this epoch."""
        yield line({"epoch": self.epoch, "size": len(self.leaves)})
        index = 0
        while index < len(self.leaves):
            end = next((end for first, end in self.hidden if first <= index < end), index)
            if end == index:
                leaf = self.leaves[index]
                yield from (text for text in (leaf.text, leaf.private) if text is not None)
                index += 1
                continue
            count = 1
            while index % (2 * count) == 0 and index + 2 * count <= end:
                count *= 2
            hashes = [leaf.hash for leaf in self.leaves[index : index + count]]
            yield line({"omitted": count, "hash": root(hashes).hex()})
            index += count
        size = len(self.leaves) if self.signed == -1 else self.signed
        note = self.note or (None if size is None else self.checkpoint(size))
        yield line({"checkpoint": note})


def bundle(*trees: Tree, window: dict[str, str | None] | None = None, tenant: str = "acme") -> str:
    """Return an evidence bundle, format 1."""
    head = {
        "evidence": 1,
        "tenant_id": tenant,
        "created_at": time(86400),
        "epochs": [t.epoch for t in trees],
        "window": window,
    }
    body = [text for tree in trees for text in tree.lines()]
    shown = sum('"kind":"record"' in text and text.startswith('{"version"') for text in body)
    return "".join(f"{text}\n" for text in [line(head), *body, line({"complete": True, "records": shown})])


def proof(tree: Tree, index: int) -> str:
    """Return the proof that a leaf is in the tree (c2sp.org/tlog-proof)."""
    hashes = [base64.b64encode(each).decode() for each in path(index, [leaf.hash for leaf in tree.leaves])]
    return "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *hashes, "", tree.note or tree.checkpoint()])
