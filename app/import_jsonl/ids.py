"""Ids for records that have none: the same again whenever the same file is read."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

_COUNT = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count"


class HistoryIds:
    """Makes an id of a record's content and of how many equal records came before it.

    A UUID of version 8 (RFC 9562: made by rules of one's own) that begins with the record's time, as version 7 does, so
    that ids stay in the order of time. There are as many counts as records: a temporary file holds them.
    """

    def __init__(self) -> None:
        self._counts = sqlite3.connect("", isolation_level=None)  # "": a temporary file, gone when it is closed
        self._counts.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID")
        self._counts.execute("PRAGMA journal_mode = OFF")

    def id_of(self, tenant: str, record: Mapping[str, Any]) -> str:
        """Return the id of `record`, which has a created_at and no id. Raises sqlite3.Error."""
        content = hashlib.sha256(json.dumps([tenant, record], sort_keys=True).encode()).digest()[:16]
        ((count,),) = self._counts.execute(_COUNT, [content])
        digest = int.from_bytes(hashlib.sha256(content + count.to_bytes(8)).digest()[:10])
        milliseconds = int(datetime.fromisoformat(record["created_at"]).timestamp() * 1000)
        high = milliseconds << 16 | 0x8000 | digest >> 68
        low = 0b10 << 62 | digest & (1 << 62) - 1
        return str(UUID(int=high << 64 | low))

    def close(self) -> None:
        """Delete the counts."""
        self._counts.close()
