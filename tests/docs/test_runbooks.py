"""The runbooks' commands, run as they stand in docs/runbooks.md, against a real database and a running service."""

import json
import re
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.calls import bearer
from tests.support.processes import ServiceProcess, running_service
from tests.support.sealing import sealed_and_signed
from tests.support.shell import Shell

LOGS = "/api/v1/audit/logs"


def blocks(heading: str) -> list[str]:
    """Return the commands below a heading of the page, block by block."""
    return pages.commands("docs/runbooks.md", heading)


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app")) as running:
        yield running


@pytest.fixture
def shell(shell: Shell, service: ServiceProcess) -> Shell:
    shell.variables |= {
        "RINGFENCE_URL": str(service.http.base_url).rstrip("/"),
        "TENANT": "acme",
        "NEW_PASSWORD": "0123456789abcdef",
    }
    return shell


def test_a_leaked_key_is_revoked_replaced_and_its_acts_are_listed(
    shell: Shell, service: ServiceProcess, database: TestDatabase
) -> None:
    leaked = database.issue_api_key("acme")
    shell.variables["KEY_ID"] = leaked.split("_")[1]
    assert service.http.get(LOGS, headers=bearer(leaked)).status_code == 200
    revoke, replace, list_events = blocks("An API key has leaked")

    shell.run(revoke)
    assert service.http.get(LOGS, headers=bearer(leaked)).status_code == 401
    (replacement,) = re.findall(r"rf_\w+", shell.run(replace))
    record = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}
    assert service.http.post(LOGS, headers=bearer(replacement), json=record).status_code == 201
    listed = shell.run(list_events)
    assert all(act in listed for act in ("api key issued", "records read", "api key revoked"))
    assert replacement.split("_")[1] not in listed


def test_a_leaked_password_is_replaced_and_sessions_with_the_old_one_are_ended(
    shell: Shell, service: ServiceProcess, database: TestDatabase
) -> None:
    key = database.issue_api_key("acme")
    change, end_sessions, rotate, ask = blocks("The password of audit_app has leaked")
    with psycopg.connect(database.url("audit_app")) as stolen:
        shell.run(change)
        ((stored,),) = database.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'audit_app'")
        assert str(stored).startswith("SCRAM-SHA-256$")
        assert shell.variables["NEW_PASSWORD"] not in str(stored)
        shell.run(end_sessions)
        with pytest.raises(psycopg.OperationalError):
            stolen.execute("SELECT 1")
    assert service.http.get(LOGS, headers=bearer(key)).status_code == 200
    assert "secret" in shell.run(rotate)
    assert "(0 rows)" in shell.run(ask)
    database.execute("ALTER ROLE audit_app PASSWORD NULL")


def test_a_tenant_that_leaves_takes_its_records_and_nothing_opens_them_any_more(
    shell: Shell, service: ServiceProcess, database: TestDatabase
) -> None:
    key = database.issue_api_key("acme")
    shell.variables |= {"READ_KEY": key, "KEY_ID": key.split("_")[1]}
    record = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}
    assert service.http.post(LOGS, headers=bearer(key), json=record).status_code == 201
    offboard, export, revoke, list_events, set_terms = blocks("A tenant leaves")
    sealed_and_signed(database)

    assert re.search(r"^revoke its keys +no ", shell.run(offboard), re.MULTILINE)
    assert json.loads(shell.run(export)) == {"complete": True, "count": 1}
    assert "valid" in shell.run(revoke)
    assert service.http.get(LOGS, headers=bearer(key)).status_code == 401
    shell.run(list_events)
    events = json.loads((shell.folder / "audit-logs-events.ndjson").read_text())
    assert "records exported" in json.dumps(events)
    assert database.execute("SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'acme'") == [(1,)]
    shell.run(set_terms)
    steps = dict(re.findall(r"^(\w+ its [a-z ]*[a-z])  +(yes|no|begun) ", shell.run(offboard), re.MULTILINE))
    assert steps == {
        "take its last evidence export": "begun", "revoke its keys": "yes", "set its terms": "yes",
        "release its holds": "yes", "prune its records": "no", "keep its last checkpoint": "yes",
    }  # fmt: skip
