"""Known credentials in the spool's file, for a worker that starts while the database is unavailable.

Each worker replaces its own rows. They hold no key but the SHA-256 of one, with 256 random bits: no key is found by it,
and it opens nothing. Somebody who can write the file can have records put into the spool, which they could write
themselves; the database refuses those when they are replayed, since nothing in them proves a key
(app/services/spool/lines.py).
"""

import json
import logging
import sqlite3
import time
from collections.abc import Iterable
from datetime import datetime

from app.model.credential import Caller, SpoolKeySource
from app.model.uuid_v7 import uuid_v7
from app.services.known_credentials import TRUSTED_SECONDS, Accepted
from app.services.spool.sqlite_file import SqliteFile, transaction

logger = logging.getLogger("ringfence")

# A time that is still to come is a clock that was put back: it says nothing. The newest tenant source counts.
_SELECT = """
WITH trusted AS (SELECT * FROM known_credentials WHERE accepted_at BETWEEN :now - :seconds AND :now)
SELECT tenant_source, digest, tenant_id, scopes, expires_at, spool_key_source, max(accepted_at) AS newest FROM trusted
WHERE tenant_source = (SELECT tenant_source FROM trusted ORDER BY accepted_at DESC LIMIT 1)
GROUP BY digest ORDER BY newest
"""


class KnownCredentialsTable:
    """The rows of all workers of one spool, of which this worker writes its own."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._worker = str(uuid_v7())

    async def read(self) -> tuple[str, list[Accepted]]:
        """Return the tenant source, "" where it is unknown, and the credentials that any worker has seen accepted."""
        try:
            rows = await self._file.run(
                lambda connection: connection.execute(
                    _SELECT, {"now": time.time(), "seconds": TRUSTED_SECONDS}
                ).fetchall()
            )
            return (rows[-1][0] if rows else ""), [_accepted(*row[1:]) for row in rows]
        except (OSError, ValueError, TypeError) as error:
            logger.warning("known credentials cannot be read from the disk: %s", type(error).__name__)
            return "", []

    async def write(self, tenant_source: str, known: Iterable[Accepted]) -> None:
        """Replace this worker's rows, and delete those that no longer count. Raises OSError."""
        rows = [
            (
                self._worker, each.digest, tenant_source, each.caller.tenant_id, json.dumps(sorted(each.caller.scopes)),
                each.caller.expires_at and each.caller.expires_at.isoformat(), each.caller.spool_key_source,
                each.accepted_at,
            )
            for each in known
            if each.caller.restriction is None  # such a key writes nothing, and no row here says what it shows
        ]  # fmt: skip

        def replace(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(
                    "DELETE FROM known_credentials WHERE worker = ? OR accepted_at < ?",
                    [self._worker, time.time() - TRUSTED_SECONDS],
                )
                connection.executemany("INSERT INTO known_credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

        await self._file.run(replace)


def _accepted(
    digest: bytes, tenant_id: str, scopes: str, expires_at: str | None, spool_key_source: str, accepted_at: float
) -> Accepted:
    expiry = datetime.fromisoformat(expires_at) if expires_at else None
    source: SpoolKeySource = "hash" if spool_key_source == "hash" else "secret"
    return Accepted(digest, Caller(tenant_id, frozenset(json.loads(scopes)), expiry, source), accepted_at)
