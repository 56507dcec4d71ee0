"""Events as the database makes them of records, and the published schemas to check them with."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import psycopg
import pytest

from tests.conftest import TestDatabase

COLUMNS = (
    "id", "trace_id", "tenant_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error",
    "created_at", "recorded_at", "api_key_id", "context",
)  # fmt: skip
"""Of audit.listed_audit_log, in its order."""
EPOCH, LEAF_INDEX, LEAF_HASH = 2, 2**40, bytes(range(32))

Event = dict[str, Any]
MakeEvent = Callable[[str, dict[str, Any]], Event]


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(members)) == len(members), f"a name twice: {members}"
    return dict(members)


def parsed(line: str) -> Event:
    """Return an event from its line; fail if a feed could not carry the line, or a name comes twice."""
    assert "\n" not in line
    assert "\r" not in line
    event = json.loads(line, object_pairs_hook=_unique)
    assert isinstance(event, dict)
    return event


def validator(name: str) -> jsonschema_rs.Draft7Validator:
    """Return a validator of one of the schemas, which looks at formats too."""
    schema = json.loads((Path(__file__).parent / "schemas" / name).read_text())
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True)


def faults(schema: jsonschema_rs.Draft7Validator, event: Event) -> list[str]:
    """Return what is wrong with an event, with the place of each fault."""
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in schema.iter_errors(event)]


@pytest.fixture
def make_event(database: TestDatabase) -> Iterator[MakeEvent]:
    """Returns a function of a format's name and a record, with None for what it does not say."""
    with psycopg.connect(database.url(), autocommit=True) as gateway:

        def make(function: str, record: dict[str, Any]) -> Event:
            call = (
                f"SELECT audit.{function}(p_record => ROW({', '.join(['%s'] * len(COLUMNS))})::audit.listed_audit_log,"
                " p_epoch => %s, p_leaf_index => %s, p_leaf_hash => %s)"
            )
            values = [*(record.get(name) for name in COLUMNS), EPOCH, LEAF_INDEX, LEAF_HASH]
            row = gateway.execute(call.encode(), values).fetchone()
            assert row is not None
            return parsed(row[0])

        yield make
