"""The same records twice: as NDJSON for the service, and as the text of COPY for psql."""

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from app.model.uuid_v7 import uuid_v7_texts

COLUMNS = ("trace_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id")


def _record(number: int) -> dict[str, Any]:
    return {
        "trace_id": f"{number:032x}",
        "agent_id": f"agent-{number % 7}",
        "mode": "LIVE",
        "status": "error" if number % 50 == 0 else "success",
        "http_status": 502 if number % 50 == 0 else 200,
        "latency_ms": number % 900,
        "user_id": f"user-{number % 1000}",
    }


def write_lines(path: Path, count: int) -> Path:
    """Write `count` records, one JSON object a line, without ids: the service makes new ones. Return path."""
    path.write_text("".join(f"{json.dumps(_record(number))}\n" for number in range(count)))
    return path


def write_history(path: Path, count: int) -> Path:
    """Write `count` records as an old audit file has them, with ids and times; new ones each time. Return path."""
    ids, created_at = islice(uuid_v7_texts(), count), datetime.now(UTC).isoformat()
    path.write_text(
        "".join(
            json.dumps({"id": key, "tenant_id": "bench", **_record(number), "created_at": created_at}) + "\n"
            for number, key in enumerate(ids)
        )
    )
    return path


def write_rows(path: Path, count: int) -> Path:
    """Write them as COPY reads them, with new ids, in order of time as the service's are. Return path."""
    ids = islice(uuid_v7_texts(), count)
    path.write_text(
        "".join("\t".join([key, "bench", *map(str, _record(number).values())]) + "\n" for number, key in enumerate(ids))
    )
    return path


def copy_command(path: Path, count: int) -> str:
    """Write the rows into `path`, and return psql's command that copies them into the table."""
    write_rows(path, count)
    return f"\\copy audit.audit_logs (id, tenant_id, {', '.join(COLUMNS)}) FROM '{path}'"
