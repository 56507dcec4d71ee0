"""docs/ocsf.md is true: its samples are what the functions make, and its tables have every member and no other."""

import json
import re
from datetime import datetime
from typing import Any

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support import pages, walkthrough
from tests.support.calls import bearer
from tests.support.events import COLUMNS, SEALED_EVENTS, Event, event_of, parsed
from tests.support.odd_records import EXTREMES, FULL
from tests.support.processes import running_service
from tests.support.sealing import seal
from tests.support.shell import Shell

PAGE = "docs/ocsf.md"
EPOCH, LEAF_INDEX = 1, 417
LEAF_HASH = bytes.fromhex("6f1c2d3e4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0")


def made(database: TestDatabase, function: str, record: dict[str, Any]) -> Event:
    return event_of(database.administrator, function, record, EPOCH, LEAF_INDEX, LEAF_HASH)


def sample() -> dict[str, Any]:
    """Return the record that the page shows, as columns."""
    record: dict[str, Any] = json.loads(pages.shown(PAGE, "A sample", "json")[0])
    times = {name: datetime.fromisoformat(record[name]) for name in ("created_at", "recorded_at")}
    return record | times | {"context": json.dumps(record["context"])}


def paths(value: Any, path: str = "") -> set[str]:
    """Return the path of every scalar: a.b, and a[].b for what is in an array."""
    if isinstance(value, dict):
        return set().union(*(paths(below, f"{path}.{name}" if path else name) for name, below in value.items()))
    if isinstance(value, list):
        return set().union(*(paths(below, f"{path}[]") for below in value))
    return {path}


def told(heading: str, column: int) -> set[str]:
    """Return what stands in backquotes in a column of the tables below a heading."""
    rows = re.findall(r"^\| (.*) \|$", walkthrough.section(pages.read(PAGE), heading), re.MULTILINE)
    return {each for row in rows for each in re.findall(r"`([^`]+)`", row.split(" | ")[column])}


def test_the_sample_is_the_event_that_is_made_of_the_record(database: TestDatabase) -> None:
    assert json.loads(pages.shown(PAGE, "A sample", "json")[1]) == made(database, "ocsf_event", sample())


def test_the_sample_of_cloudevents_is_of_the_same_record(database: TestDatabase) -> None:
    (shown,) = pages.shown(PAGE, "CloudEvents", "json")
    assert json.loads(shown) == made(database, "cloud_event", sample())


def test_the_tables_have_every_member_of_an_event_and_no_other(database: TestDatabase) -> None:
    records = [*EXTREMES.values(), FULL | {"http_status": None}]
    found = set().union(*(paths(made(database, "ocsf_event", record)) for record in records))
    tables = ("OCSF, field by field", "What is not mapped", "What OCSF demands")
    in_tables = set().union(*(told(heading, 0 if heading == tables[2] else 1) for heading in tables))
    beside = {"message_context.service.name"}  # named with message_context.uid
    assert found == in_tables | beside
    assert "`message_context.service.name`" in pages.read(PAGE)


def test_the_tables_have_every_field_of_a_record(database: TestDatabase) -> None:
    fields = told("OCSF, field by field", 0) | told("What is not mapped", 0)
    names = {name for (name,) in database.execute("SELECT json_object_keys(%s::json)", FULL["context"])}
    assert fields == (set(COLUMNS) | names)


def test_the_table_of_cloudevents_has_every_attribute(database: TestDatabase) -> None:
    found = set().union(*(made(database, "cloud_event", record).keys() for record in EXTREMES.values()))
    assert told("CloudEvents", 0) == found


@pytest.mark.parametrize("status", ["success", "denied"])
def test_the_query_finds_the_refusals(database: TestDatabase, status: str) -> None:
    (query,) = pages.shown(PAGE, "How a SIEM reads it", "sql")
    with psycopg.connect(database.url()) as gateway:
        gateway.execute("SELECT audit.set_tenant(p_tenant_id => 'acme')")
        gateway.execute(
            "SELECT audit.insert_audit_log(p_agent_id => 'kyc', p_mode => 'LIVE', p_status => %s, p_user_id => 'jane',"
            " p_error => 'why')",
            [status],
        )
    seal(database)
    with psycopg.connect(database.url()) as gateway:
        gateway.execute("SELECT audit.set_tenant(p_tenant_id => 'acme')")
        rows = gateway.execute(query.encode()).fetchall()
    assert [row[1:] for row in rows] == ([("kyc", "jane", "why")] if status == "denied" else [])


def test_the_command_prints_the_fingerprint_of_the_event(
    database: TestDatabase, shell: Shell, api_keys: dict[str, str]
) -> None:
    (command,) = pages.commands(PAGE, "Check a fingerprint")
    with running_service(database_url=database.url("audit_app")) as service:
        key = bearer(api_keys["ACME_API_KEY"])
        record = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}
        written = service.http.post("/api/v1/audit/logs", headers=key, json=record)
        seal(database)
        shell.variables |= {
            "RINGFENCE_URL": str(service.http.base_url).rstrip("/"), "RECORD_ID": written.json()["id"], **api_keys,
        }  # fmt: skip
        printed = shell.run(command)
    ((line, _),) = database.execute(SEALED_EVENTS)
    assert printed.split()[0] == parsed(line)["attestation_list"][0]["fingerprint"]["value"]
