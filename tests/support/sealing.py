"""Seals records and signs checkpoints at once, for tests that do not wait for the service and a signer."""

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.database import TestDatabase
from tests.support.polling import eventually

LOG = "ringfence.example"
KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a key of the tests").digest())
_UNSEALED = (
    "SELECT count(*) FROM audit.audit_logs AS l WHERE NOT EXISTS"
    " (SELECT FROM audit.seals AS s WHERE s.tenant_id = l.tenant_id AND s.record_id = l.id)"
)


def origin(tenant: str, epoch: int = 1) -> str:
    """Return the first line of the checkpoints of a tenant's tree."""
    return f"{LOG}/{tenant}" if epoch == 1 else f"{LOG}/{tenant}/{epoch}"


def vkey(tenant: str) -> str:
    """Return the verification key of a tenant, as its verifier takes it."""
    name, key = origin(tenant), _key_bytes(KEY.public_key())
    return f"{name}+{_key_id(name, key).hex()}+{base64.b64encode(key).decode()}"


def seal(database: TestDatabase) -> None:
    """Seal every record. What other tests have open on the server may hold it up for a while."""

    def is_done() -> bool:
        database.execute("SELECT audit.seal_records()")
        return database.execute(_UNSEALED) == [(0,)]

    eventually(is_done)


def sign(database: TestDatabase, tenant: str) -> str:
    """Sign the newest head of a tenant, and return the checkpoint."""
    ((epoch, size, root),) = database.execute(
        "SELECT epoch, size, root FROM audit.list_tree_heads() WHERE tenant_id = %s ORDER BY epoch DESC LIMIT 1", tenant
    )
    text = note(tenant, epoch, size, root)
    database.execute("SELECT audit.store_checkpoint(%s, %s, %s, %s, %s)", tenant, epoch, size, root, text)
    return text


def sealed_and_signed(database: TestDatabase, tenant: str = "acme") -> str:
    """Seal every record, and return the checkpoint of a tenant that covers its own."""
    seal(database)
    return sign(database, tenant)


def note(tenant: str, epoch: int, size: int, root: bytes) -> str:
    """Return a checkpoint (C2SP tlog-checkpoint), signed."""
    name = origin(tenant, epoch)
    text = f"{name}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = _key_id(name, _key_bytes(KEY.public_key())) + KEY.sign(text.encode())
    return f"{text}\n\N{EM DASH} {name} {base64.b64encode(signature).decode()}\n"


def verify_note(text: str, tenant: str, epoch: int = 1) -> tuple[int, bytes]:
    """Check the signature of a checkpoint; return its size and its root."""
    body, _, signature = text.partition("\n\n")
    name, size, root = body.split("\n")
    assert name == origin(tenant, epoch)
    dash, signer, encoded = signature.removesuffix("\n").split(" ")
    assert (dash, signer) == ("\N{EM DASH}", name)
    KEY.public_key().verify(base64.b64decode(encoded)[4:], f"{body}\n".encode())
    return int(size), base64.b64decode(root)


def root_of_proof(leaf: bytes, proof: str) -> tuple[bytes, str]:
    """Return the root that a proof (C2SP tlog-proof) leads to from the line of a leaf, and the checkpoint in it.

    As RFC 9162, section 2.1.3.2, has it.
    """
    head, _, checkpoint = proof.partition("\n\n")
    magic, index, *path = head.split("\n")
    assert magic == "c2sp.org/tlog-proof@v1"
    fn, sn = int(index.removeprefix("index ")), int(checkpoint.split("\n")[1]) - 1
    found = hashlib.sha256(b"\x00" + leaf).digest()
    for each in map(base64.b64decode, path):
        assert sn > 0
        if fn & 1 or fn == sn:
            found = hashlib.sha256(b"\x01" + each + found).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + each).digest()
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return found, checkpoint


def _key_bytes(key: Ed25519PublicKey) -> bytes:
    return b"\x01" + key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _key_id(name: str, key: Any) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
