"""The spool's directory, seen from outside while a service of this release, or of the one before, works in it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

FILE = "spool.sqlite3"


def spooled_lines(directory: Path) -> list[bytes]:
    """Return the lines of records that are not in the database, the oldest first."""
    lines = [line for (line,) in query(directory, "SELECT line FROM waiting ORDER BY id")]
    for path in sorted(directory.glob("*.jsonl")):  # of the earlier form
        if path.name != "dead-letter.jsonl":
            lines += _content(path).splitlines(keepends=True)
    return lines


def dead_letters(directory: Path) -> list[dict[str, Any]]:
    """Return the records that the database has refused for good."""
    lines = [record for (record,) in query(directory, "SELECT record FROM dead_letters ORDER BY created_at")]
    lines += _content(directory / "dead-letter.jsonl").decode().splitlines()
    return [json.loads(line) for line in lines]


def query(directory: Path, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run a statement in the spool's file; return its rows. There are none where there is no spool yet."""
    if not (directory / FILE).exists():
        return []
    with closing(sqlite3.connect(directory / FILE, timeout=30, isolation_level=None)) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return []
        return connection.execute(statement, parameters).fetchall()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # replayed, or taken over, meanwhile
        return b""
