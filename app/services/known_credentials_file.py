"""Known credentials on the disk: so that a worker that starts while the database is unavailable can use the spool.

A file for each worker, in the directory of the spool, for its owner alone. It holds no key but the SHA-256 of one, with
256 random bits: no key is found by it, and it opens nothing. Somebody who can write the file can have records put into
the spool, which they could write themselves; the database refuses those when they are replayed, since nothing in them
proves a key (app/services/spool/lines.py).
"""

import json
import logging
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.model.credential import Caller, SpoolKeySource
from app.model.uuid_v7 import uuid_v7

logger = logging.getLogger("ringfence")

_NAME = "known-credentials-"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A credential that the database accepted.

    digest: of app/services/known_credentials.py. accepted_at: seconds since 1970, by the machine's clock.
    """

    digest: bytes
    caller: Caller
    accepted_at: float


class KnownCredentialsFile:
    """The files of all workers in one directory, of which this worker writes one."""

    def __init__(self, directory: Path, trusted_seconds: float) -> None:
        """trusted_seconds: for how long an accepted credential counts; nothing that is older is returned."""
        self._directory = directory
        self._path = directory / f"{_NAME}{uuid_v7()}.json"
        self._trusted_seconds = trusted_seconds

    def read(self) -> tuple[str, list[Accepted]]:
        """Return the tenant source, "" where it is unknown, and what any worker has seen accepted; delete old files."""
        source, found = "", dict[bytes, Accepted]()
        now = time.time()
        for path in sorted(self._directory.glob(f"{_NAME}*"), key=_modified):
            try:
                if now - _modified(path) > self._trusted_seconds:
                    path.unlink()
                if path.suffix != ".json" or not path.exists():
                    continue
                content = json.loads(path.read_bytes())
                known = [_accepted(**entry) for entry in content["accepted"]]
                # A time that is still to come is a clock that was put back: it says nothing.
                known = [each for each in known if 0 <= now - each.accepted_at <= self._trusted_seconds]
                if known and content["tenant_source"] != source:
                    source, found = str(content["tenant_source"]), {}  # the newest counts, and only what goes with it
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("known credentials cannot be read from the disk: %s", type(error).__name__)
                continue
            for each in known:
                if each.digest not in found or found[each.digest].accepted_at < each.accepted_at:
                    found[each.digest] = each
        return source, sorted(found.values(), key=lambda each: each.accepted_at)

    def write(self, tenant_source: str, known: Iterable[Accepted]) -> None:
        """Replace this worker's file. Raises OSError. Not flushed: it is for a service that restarts, not a machine."""
        entries = [
            {
                "digest": each.digest.hex(),
                "tenant_id": each.caller.tenant_id,
                "scopes": sorted(each.caller.scopes),
                "expires_at": each.caller.expires_at and each.caller.expires_at.isoformat(),
                "spool_key_source": each.caller.spool_key_source,
                "accepted_at": each.accepted_at,
            }
            for each in known
        ]
        unfinished = self._path.with_suffix(".unfinished")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"tenant_source": tenant_source, "accepted": entries}, file)
        unfinished.replace(self._path)


def _accepted(
    digest: str,
    tenant_id: str,
    scopes: list[str],
    expires_at: str | None,
    spool_key_source: SpoolKeySource,
    accepted_at: float,
) -> Accepted:
    expiry = datetime.fromisoformat(expires_at) if expires_at else None
    caller = Caller(str(tenant_id), frozenset(scopes), expiry, spool_key_source)
    return Accepted(bytes.fromhex(digest), caller, float(accepted_at))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another worker has deleted it
        return 0.0
