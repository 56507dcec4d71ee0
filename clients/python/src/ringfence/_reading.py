"""What is read: stored records, filters, and whether an export is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, TypedDict

from ringfence._errors import ExportIncomplete

PAGE_RECORDS = 500
EXPORT_TIMEOUT = 60.0
"""Seconds until the next bytes of an export."""
_NAMES = {"agent": "agent_id", "user": "user_id"}
Format = Literal["ndjson", "csv", "evidence"]


class Filters(TypedDict, total=False):
    """Filters of a list or an export: all have to equal. Times have a zone; start_time is inclusive, end_time is not.

    context: names and values that the context of each record has to have. order: desc, newest first, or asc.
    """

    agent: str
    user: str
    trace_id: str
    mode: str
    status: str
    http_status: int
    api_key_id: str
    context: Mapping[str, str | int | float | bool]
    start_time: datetime
    end_time: datetime
    order: Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the service shows it. What may be personal data is not in its repr.

    created_at: when the service took it; ringfence.time_of(id) is when its writer made it. recorded_at: when the
    database wrote it. latency_ms: milliseconds. api_key_id: the public id of the key that wrote it.
    """

    id: str
    tenant_id: str
    agent_id: str
    trace_id: str | None
    mode: str | None
    status: str | None
    http_status: int | None
    latency_ms: int | None
    created_at: datetime
    recorded_at: datetime | None
    api_key_id: str | None
    user_id: str | None = field(repr=False)
    error: str | None = field(repr=False)
    context: Mapping[str, str | int | float | bool] | None = field(repr=False)


_FIELDS = tuple(one.name for one in fields(StoredRecord))


def stored_record(item: Mapping[str, Any]) -> StoredRecord:
    """Return the record of a list's item. A field that a newer service has beside ours is left out."""
    values: dict[str, Any] = {name: item.get(name) for name in _FIELDS}
    for name in ("created_at", "recorded_at"):
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name].replace("Z", "+00:00"))
    return StoredRecord(**values)


def parameters(filters: Filters, **more: str) -> dict[str, str]:
    """Return the query parameters of filters. Raises ValueError for a time without a zone."""
    found: dict[str, str] = {}
    for name, value in filters.items():
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError(f"{name} needs a zone")
            found[name] = value.isoformat()
        elif isinstance(value, Mapping):
            texts = {member: text if isinstance(text, str) else json.dumps(text) for member, text in value.items()}
            found |= {f"context.{member}": text for member, text in texts.items()}
        elif value is not None:
            found[_NAMES.get(name, name)] = str(value)
    return found | more


class ExportedRecords:
    """Reads the pieces of an export in NDJSON, the last line of which says that it is complete.

    A line ends at a line feed alone: a text may hold the other characters at which Python ends one.
    """

    def __init__(self) -> None:
        self._count = 0
        self._is_complete = False
        self._rest = b""

    def read(self, piece: bytes) -> Iterator[StoredRecord]:
        """Yield the records of the lines that end in a piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            item = json.loads(line)
            if "complete" in item:
                self._is_complete = item["complete"] is True and item["count"] == self._count
            else:
                self._count += 1
                yield stored_record(item)

    def check(self) -> None:
        """Raise ExportIncomplete unless the last line has come, and counts as many records as there were."""
        if not self._is_complete:
            raise ExportIncomplete(f"the export was cut after {self._count} records")


class ExportTail:
    """Keeps the last bytes of an export in any format, to see whether it is complete."""

    _BYTES = 1024

    def __init__(self) -> None:
        self._tail = b""

    def read(self, piece: bytes) -> bytes:
        """Return the piece."""
        self._tail = (self._tail + piece)[-self._BYTES :]
        return piece

    def check(self) -> None:
        """Raise ExportIncomplete unless the last line says that the export is complete."""
        last = self._tail.rstrip(b"\r\n").rpartition(b"\n")[2]
        if not (last.startswith(b"#complete,") or last.replace(b" ", b"").startswith(b'{"complete":true')):
            raise ExportIncomplete("the export was cut")
