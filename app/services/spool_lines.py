"""A line of the spool: a record as the audit file has it, and what proves to the database whose it is.

The API key that a record came with is written nowhere. What is written is its public id, and the HMAC-SHA-256 of the
line's text up to there under the SHA-256 of the key's secret, which is what the database keeps of it. So the database
finds out by itself, when the record is replayed (db/functions/replay_audit_logs.sql), that whoever sent it held the
key, and that nobody has changed it since. Where a gateway names the tenants there is no key, and the name counts as it
does everywhere else.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from app.credentials import ApiKey, Credential

_HMAC = b', "hmac": "'


def spool_line(credential: Credential, record: Mapping[str, Any]) -> bytes:
    """Return the line, with its end, of `record`, whose tenant and time are in it."""
    if not isinstance(credential, ApiKey):
        return json.dumps(record).encode() + b"\n"
    _, api_key_id, secret = credential.secret.split("_")
    text = json.dumps({**record, "api_key_id": api_key_id}).encode()
    key = hashlib.sha256(secret.encode()).digest()
    proof = hmac.digest(key, text, "sha256").hex().encode()
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


def _text(content: bytes) -> str:
    return content.decode("ascii", "replace")  # it was written in ASCII; what is not will prove nothing
