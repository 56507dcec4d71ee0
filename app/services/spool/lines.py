"""A line of the spool: a record as JSON, and the proof to the database of which API key it came with.

No API key is written down. A line has the key's public id, and the HMAC-SHA-256 of its own text up to there. The HMAC's
key is derived from the API key for this alone, by the service and by the database: the hash that the database compares
at every request signs no line. So the database itself finds out, when the record is replayed
(db/functions/write/replay_audit_logs.sql), that the sender held the key, and that nobody has changed the record since.
Behind a gateway that names the tenants there is no key, and the name counts as it does everywhere else.

A record has the same text here as on the way to the database: if its commit was lost, it may be stored already, and is
compared with the one that is replayed. Lines of the release before are ASCII, without a context.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from app.model.credential import ApiKey, Credential, SpoolKeySource
from app.model.strict_json import dump

_HMAC = b', "hmac": "'


def spool_line(credential: Credential, source: SpoolKeySource, record: Mapping[str, Any]) -> bytes:
    """Return the line, with its end, of `record`, which has its tenant and time. source: of the credential's key."""
    if not isinstance(credential, ApiKey):
        return dump(record).encode() + b"\n"
    _, api_key_id, secret = credential.secret.split("_")
    text = dump({**record, "api_key_id": api_key_id}).encode()
    proof = hmac.digest(_spool_key(secret.encode(), source), text, "sha256").hex().encode()
    return text[:-1] + _HMAC + proof + b'"}\n'


def for_replay(line: bytes) -> dict[str, str] | None:
    """Return the element of audit.replay_audit_logs() for `line`; None when it is no whole line of a spool."""
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
    """Return the key that audit.issue_api_key(), or the migration for an older API key, has derived as well."""
    if source == "secret":
        return hashlib.sha256(b"ringfence spool key of secret:" + secret).digest()
    return hashlib.sha256(b"ringfence spool key of hash:" + hashlib.sha256(secret).digest()).digest()


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")  # a changed byte proves nothing either way
