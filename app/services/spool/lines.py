"""A line of the spool: a record as the audit file has it, and what proves to the database whose it is.

The API key that a record came with is written nowhere. What is written is its public id, and the HMAC-SHA-256 of the
line's text up to there. The HMAC's key is derived from the API key for this alone, on both sides: the hash that the
database compares at every request signs no line. So the database finds out by itself, when the record is replayed
(db/functions/write/replay_audit_logs.sql), that the sender held the key, and that nobody has changed the record since.
Where a gateway names the tenants there is no key, and the name counts as it does everywhere else.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from app.model.credential import ApiKey, Credential, SpoolKeySource

_HMAC = b', "hmac": "'


def spool_line(credential: Credential, source: SpoolKeySource, record: Mapping[str, Any]) -> bytes:
    """Return the line, with its end, of `record`, whose tenant and time are in it; source: of the credential's key."""
    if not isinstance(credential, ApiKey):
        return json.dumps(record).encode() + b"\n"
    _, api_key_id, secret = credential.secret.split("_")
    text = json.dumps({**record, "api_key_id": api_key_id}).encode()
    proof = hmac.digest(_spool_key(secret.encode(), source), text, "sha256").hex().encode()
    return text[:-1] + _HMAC + proof + b'"}\n'


def for_replay(line: bytes) -> dict[str, str] | None:
    """Return what audit.replay_audit_logs() takes of `line`; None when it is no whole line of a spool."""
    text, separator, end = line.rstrip(b"\n").rpartition(_HMAC)
    if separator:
        element = {"line": _text(text + b"}"), "hmac": _text(end.removesuffix(b'"}'))}
    else:
        element = {"line": _text(end)}
    try:
        return element if isinstance(json.loads(element["line"]), dict) else None
    except (ValueError, RecursionError):
        return None


def _spool_key(secret: bytes, source: SpoolKeySource) -> bytes:
    """Return what audit.issue_api_key(), or the migration for a key that was there before it, has kept of the key."""
    if source == "secret":
        return hashlib.sha256(b"ringfence spool key of secret:" + secret).digest()
    return hashlib.sha256(b"ringfence spool key of hash:" + hashlib.sha256(secret).digest()).digest()


def _text(content: bytes) -> str:
    return content.decode("ascii", "replace")  # it was written in ASCII; what is not will prove nothing
