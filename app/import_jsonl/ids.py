"""Ids for records that have none: the same again whenever the same file is read."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.model.uuid_v8 import uuid_v8

_COUNT = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count"


class HistoryIds:
    """Makes an id of a record's content and of how many equal records came before it.

    A UUID of version 8 that begins with the record's time. There are as many counts as records: a temporary file holds
    them.
    """

    def __init__(self) -> None:
        self._counts = sqlite3.connect("", isolation_level=None)  # "": a temporary file, gone when it is closed
        self._counts.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID")
        self._counts.execute("PRAGMA journal_mode = OFF")

    def id_of(self, tenant: str, record: Mapping[str, Any]) -> str:
        """Return the id of `record`, which has a created_at and no id. Raises sqlite3.Error."""
        content = hashlib.sha256(json.dumps([tenant, record], sort_keys=True).encode()).digest()[:16]
        ((count,),) = self._counts.execute(_COUNT, [content])
        digest = hashlib.sha256(content + count.to_bytes(8)).digest()[:10]
        milliseconds = int(datetime.fromisoformat(record["created_at"]).timestamp() * 1000)
        return str(uuid_v8(milliseconds, digest))

    def close(self) -> None:
        """Delete the counts."""
        self._counts.close()
