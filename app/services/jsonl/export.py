"""An export of the audit file, in the words of db/functions/export/export_audit_logs.sql, which a test keeps equal."""

import heapq
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from app.services.jsonl.reading import Record, matches, whole_records

_COLUMNS = (
    *("id", "trace_id", "tenant_id", "agent_id", "mode", "status"),
    *("http_status", "latency_ms", "user_id", "error", "created_at"),
)
_WORDS = {"trace_id", "agent_id", "user_id", "error"}  # a caller's; quoted, and kept from being calculated
_FORMULA = re.compile("[\t\n\r=+@\uff1d\uff0b\uff0d\uff20\ufeff-]")
_PART_BYTES = 2_097_152
# Records of one flush share their time, and a clock may be set back a little: so many are held to be put in order.
_WINDOW = 4096


def parts(path: Path, tenant_id: str, filters: dict[str, Any]) -> Iterator[bytes]:
    """Yield the export of `tenant_id` in parts of about two megabytes; the last one ends with the mark of completeness.

    filters: the fields of ExportQuery. The records are in the order of their time, as long as the machine's clock was
    not set back while more than a few thousand of them were written. Raises OSError.
    """
    is_csv = filters["format"] == "csv"
    descending = filters["order"] == "desc"
    count = 0
    part = bytearray((",".join(_COLUMNS) + "\r\n").encode() if is_csv else b"")
    records = whole_records(path, newest_first=descending)
    for record in _ordered(_wanted(records, tenant_id, filters), descending=descending):
        part += (_csv(record) if is_csv else _ndjson(record)).encode()
        count += 1
        if len(part) >= _PART_BYTES:
            yield bytes(part)
            part.clear()
    part += (
        f"#complete,{count},,,,,,,,,\r\n".encode() if is_csv else f'{{"complete": true, "count": {count}}}\n'.encode()
    )
    yield bytes(part)


def _wanted(records: Iterable[Record], tenant_id: str, filters: dict[str, Any]) -> Iterator[tuple[float, int, Record]]:
    for record in records:
        if record["tenant_id"] == tenant_id:
            created_at = datetime.fromisoformat(record["created_at"])
            if matches(record, created_at, filters):
                yield created_at.timestamp(), int.from_bytes(record["id"].encode()), record


def _ordered(found: Iterable[tuple[float, int, Record]], *, descending: bool) -> Iterator[Record]:
    """Put `found`, which is nearly in order, in order; drop what stands there twice."""
    sign = -1 if descending else 1
    window: list[tuple[float, int, int, Record]] = []
    last: int | None = None
    for position, (time, number, record) in enumerate(found):
        heapq.heappush(window, (sign * time, sign * number, position, record))
        if len(window) > _WINDOW:
            _, number, _, record = heapq.heappop(window)
            if number != last:
                yield record
            last = number
    while window:
        _, number, _, record = heapq.heappop(window)
        if number != last:
            yield record
        last = number


def _ndjson(record: Record) -> str:
    return json.dumps({name: record.get(name) for name in _COLUMNS}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _csv(record: Record) -> str:
    return ",".join(_cell(name, record.get(name)) for name in _COLUMNS) + "\r\n"


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    if name not in _WORDS:
        return text
    return "".join(('"', "'" if _FORMULA.match(text) else "", text.replace('"', '""'), '"'))
