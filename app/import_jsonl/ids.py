"""Ids for records that have none: the same again, whenever the same file is read."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_COUNT = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count"


class HistoryIds:
    """Gives an id by a record's content, and by how many of the very same came before it.

    A UUID of version 8 (RFC 9562: made by rules of one's own) that begins with the record's time, as version 7 does, so
    that ids stay in the order of time. The counts are kept in a temporary file: they are as many as there are records.
    """

    def __init__(self) -> None:
        self._counts = sqlite3.connect("", isolation_level=None)  # "": a temporary file, gone when it is closed
        self._counts.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID")
        self._counts.execute("PRAGMA journal_mode = OFF")

    def id_of(self, tenant: str, record: Mapping[str, Any]) -> str:
        """Return the id of `record`, which has a created_at and no id."""
        content = hashlib.sha256(json.dumps([tenant, record], sort_keys=True).encode()).digest()[:16]
        ((count,),) = self._counts.execute(_COUNT, [content])
        digest = int.from_bytes(hashlib.sha256(content + count.to_bytes(8)).digest()[:10])
        milliseconds = int(datetime.fromisoformat(record["created_at"]).timestamp() * 1000)
        high = milliseconds << 16 | 0x8000 | digest >> 68
        low = 0b10 << 62 | digest & (1 << 62) - 1
        digits = f"{high:016x}{low:016x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def close(self) -> None:
        """Let go of the counts."""
        self._counts.close()
