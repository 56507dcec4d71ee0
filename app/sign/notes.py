"""Checkpoints as signed notes: C2SP signed-note, tlog-checkpoint and, of witnesses, tlog-cosignature (Ed25519)."""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.sign.merkle import HASH_SIZE

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_NOTE_SIZE = 8192
"""Characters, as the CHECK on audit.checkpoints has it."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*", re.ASCII)
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_MAX_NAME_LENGTH = 128
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class BadNote(ValueError):
    """Text that is not what it should be: a note, a key or a signature. The message says in which way."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name, as notes name it. kind: ED25519 for logs, COSIGNATURE for witnesses."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that begin each of its signatures."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """Return it as a vkey: name, id in hexadecimal, and key in base64."""
        return f"{self.name}+{self.id.hex()}+{encode(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: the tree of `origin` has `size` leaves and this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{encode(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """Return the line, with its end."""
        return f"\N{EM DASH} {self.name} {encode(self.key_id + self.signature)}\n"


def log_name_fault(name: str) -> str | None:
    """Return what is wrong with a log's name, None for a good one."""
    if len(name) > _MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        return (
            f"a host name that you own, and a path if you like, for example audit.example; at most {_MAX_NAME_LENGTH}"
        )
    return None


def is_tenant(text: str) -> bool:
    """Return whether this is the form of a tenant's id, as the CHECK on audit.tenants has it."""
    return _TENANT.fullmatch(text) is not None


def origin_of(log_name: str, tenant_id: str, epoch: int) -> str:
    """Return the origin of a tenant's tree: epoch 1 has no number, so that one key name lasts for its whole life.

    No two trees have one origin: an id has no slash. So the memory, which has them by tenant and epoch, has them by
    origin. Raises BadNote for anything else than an id and the number of an epoch.
    """
    if not is_tenant(tenant_id) or epoch < 1:
        raise BadNote("not the id of a tenant and the number of an epoch")
    return f"{log_name}/{tenant_id}" if epoch == 1 else f"{log_name}/{tenant_id}/{epoch}"


def key_of(name: str, private: Ed25519PrivateKey) -> VerifierKey:
    """Return the public half of a log's key, under this name."""
    return VerifierKey(name, ED25519, private.public_key().public_bytes_raw())


def sign(text: str, name: str, private: Ed25519PrivateKey) -> Signature:
    """Sign the text of a note, under this name."""
    return Signature(name, key_of(name, private).id, private.sign(text.encode()))


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey. Raises BadNote."""
    name, _, rest = text.partition("+")
    key_id, _, key = rest.partition("+")
    raw = decode(key)
    if not name or re.search(r"\s", name) or len(raw) != 1 + HASH_SIZE or raw[0] not in (ED25519, COSIGNATURE):
        raise BadNote("not a vkey of Ed25519: NAME+ID+KEY")
    found = VerifierKey(name, raw[0], raw[1:])
    if found.id.hex() != key_id:
        raise BadNote("the id of the vkey does not belong to its name and key")
    return found


def parse(note: str) -> tuple[Checkpoint, list[Signature]]:
    """Read a signed checkpoint without checking a signature. Raises BadNote."""
    text, gap, rest = note.rpartition("\n\n")
    if len(note) > MAX_NOTE_SIZE or not gap or not rest.endswith("\n") or _CONTROL.search(note):
        raise BadNote("not a signed note")
    lines = text.split("\n")
    if len(lines) != 3 or not lines[0] or not _SIZE.fullmatch(lines[1]) or len(root := decode(lines[2])) != HASH_SIZE:
        raise BadNote("not a checkpoint: an origin, a size and a root")
    return Checkpoint(lines[0], int(lines[1]), root), parse_signatures(rest)


def parse_signatures(lines: str) -> list[Signature]:
    """Read signature lines. Raises BadNote."""
    found = []
    for line in lines.removesuffix("\n").split("\n"):
        words = line.split(" ")
        if len(words) != 3 or words[0] != "\N{EM DASH}" or not words[1] or len(raw := decode(words[2])) < 5:
            raise BadNote("not a signature line")
        found.append(Signature(words[1], raw[:4], raw[4:]))
    return found


def is_signed(text: str, signatures: list[Signature], key: VerifierKey) -> bool:
    """Return whether the key has signed the text. Raises BadNote for a signature of that key that is wrong."""
    mine = [each for each in signatures if (each.name, each.key_id) == (key.name, key.id)]
    for each in mine:
        stamp, message = _signed_message(text, each, key)
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(each.signature[stamp:], message)
        except (InvalidSignature, ValueError):
            raise BadNote(f"a wrong signature of {key.name}") from None
    return bool(mine)


def _signed_message(text: str, signature: Signature, key: VerifierKey) -> tuple[int, bytes]:
    """Return how many bytes stand before the Ed25519 signature itself, and the message that it signs."""
    if key.kind == ED25519:
        return 0, text.encode()
    time = int.from_bytes(signature.signature[:8], "big")
    return 8, f"cosignature/v1\ntime {time}\n{text}".encode()


def encode(raw: bytes) -> str:
    """Return base64, as notes have it."""
    return base64.b64encode(raw).decode()


def decode(text: str) -> bytes:
    """Return the bytes of canonical base64. Raises BadNote."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("not base64") from None
    if encode(raw) != text:  # spare bits that are not zero: two texts would say the same
        raise BadNote("not canonical base64")
    return raw
