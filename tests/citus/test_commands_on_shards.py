"""The commands that work beside the service, on a cluster: administration, import, retention and shipping."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.citus.conftest import Distributed
from tests.citus.sealing import seal
from tests.conftest import TestDatabase
from tests.support.admin_command import ENVIRONMENT, Admin, command_of
from tests.support.aged_records import kept, write_aged
from tests.support.importing import RECORD, Importing
from tests.support.importing import write as write_lines
from tests.support.processes import running_service
from tests.support.receivers import WebhookReceiver, receiving
from tests.support.shippers import ShipperAt

JANE = "jane.doe@bank.example"


@pytest.fixture
def admin(distributed: Distributed) -> Admin:
    """python -m app.admin, on the coordinator."""
    return command_of(distributed.cluster.url("test_registrar"))


def answer(admin: Admin, *arguments: str) -> Any:
    finished = admin("--json", *arguments)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_a_tenant_is_registered_and_its_key_issued_listed_rotated_and_revoked(
    distributed: Distributed, admin: Admin
) -> None:
    assert answer(admin, "create-tenant", "initech") == [{"tenant": "initech"}]
    assert "initech" in [row["id"] for row in answer(admin, "list-tenants")]
    key = admin("issue-key", "initech", "--label", "core").stdout.strip()
    distributed.keys["initech"] = key
    insert = "SELECT audit.insert_audit_log('agent', 'LIVE', 'success')"
    distributed.keyed("initech", insert)
    (listed,) = answer(admin, "list-keys", "--tenant", "initech")
    assert (listed["id"], listed["status"]) == (key.split("_")[1], "valid")
    answer(admin, "revoke-key", key.split("_")[1])
    with pytest.raises(psycopg.Error) as refused:
        distributed.keyed("initech", insert)
    assert refused.value.sqlstate == "RF005"
    acts = [event["act"] for event in answer(admin, "list-events", "--tenant", "initech")["items"]]
    assert acts == ["api key revoked", "api key issued", "tenant created"]


def test_it_is_said_what_is_left_to_do_for_a_tenant_that_leaves(database: TestDatabase, admin: Admin) -> None:
    answer(admin, "create-tenant", "leaving")
    write_aged(database, "leaving", sealed=False)
    steps = {step["step"]: step for step in json.loads(admin("--json", "offboard", "leaving").stdout)}
    done = {step: said["is_done"] for step, said in steps.items()}
    assert (done["take its last evidence export"], done["release its holds"], done["prune its records"]) == (
        False,
        True,
        False,
    )


def test_files_are_imported_for_tenants_on_both_workers_and_once(database: TestDatabase, tmp_path: Path) -> None:
    importing = Importing(database, tmp_path / "old.jsonl")
    write_lines(importing.file, *(RECORD | {"tenant_id": tenant} for tenant in ("acme", "globex", "globex")))
    assert importing.report("--apply")["taken"] == {"acme": 1, "globex": 2}
    assert importing.report("--apply")["already_there"] == 3
    assert (kept(database, "acme"), kept(database, "globex")) == (1, 2)


def run(distributed: Distributed, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run python -m app.retain."""
    environment = ENVIRONMENT | {
        "RETENTION_DATABASE_URL": distributed.cluster.url("test_keeper"),
        "ERASER_DATABASE_URL": distributed.cluster.url("test_eraser"),
    }
    return subprocess.run(
        [sys.executable, "-m", "app.retain", *arguments],
        env=environment, input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_is_due_is_counted_and_pruned_but_not_what_a_hold_keeps(
    distributed: Distributed, database: TestDatabase, admin: Admin
) -> None:
    for tenant in ("hooli", "umbrella"):
        database.create_tenant(tenant)
        answer(admin, "set-retention", tenant, "--live-days", "365", "--dry-run-days", "30")
        write_aged(database, tenant, count=3, sealed=False)
        write_aged(database, tenant, days=100, sealed=False)
    write_aged(database, "hooli", count=2, sealed=False, agent_id="held")
    answer(admin, "place-hold", "hooli", "--reason", "a lawsuit", "--reference", "7", "--agent", "held")
    seal(distributed)

    due = json.loads(run(distributed, "--dry-run", "--json").stdout)
    assert {row["tenant_id"]: (row["due"], row["held"]) for row in due} == {"hooli": (3, 2), "umbrella": (3, 0)}
    ended = run(distributed, "--once")
    assert ended.returncode == 0, ended.stderr
    assert (kept(database, "hooli"), kept(database, "umbrella")) == (3, 1)


def test_a_person_and_a_record_are_erased_by_the_command(distributed: Distributed, database: TestDatabase) -> None:
    database.create_tenant("pied-piper")
    write_aged(database, "pied-piper", sealed=False, user_id=JANE, error="of jane")
    (other,) = write_aged(database, "pied-piper", sealed=False, user_id="john")
    seal(distributed)
    reference = ("--reference", "request 7")
    assert run(distributed, "erase-user", "pied-piper", *reference, given=JANE).stdout.startswith("1 records erased")
    assert run(distributed, "erase-record", "pied-piper", other, *reference).stdout == "erased\n"
    left = "SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'pied-piper' AND num_nonnulls(user_id, error) > 0"
    assert database.execute(left) == [(0,)]


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_the_shipper_carries_the_feed_of_a_tenant(
    distributed: Distributed, database: TestDatabase, tmp_path: Path, tenant: str
) -> None:
    written = [
        str(distributed.keyed(tenant, "SELECT audit.insert_audit_log(%s, 'LIVE', 'success')", f"shipped {number}"))
        for number in range(3)
    ]
    seal(distributed)
    with (
        running_service(database_url=distributed.cluster.url("audit_app")) as service,
        receiving(WebhookReceiver()) as receiver,
    ):
        key = database.issue_api_key(tenant, "read")
        shipper = ShipperAt(tmp_path, str(service.http.base_url).rstrip("/"), secrets={"ACME_READ_KEY": key})
        shipper.webhook(receiver.url, tenant=tenant)
        ended = shipper.once()
        assert ended.returncode == 0, ended.stderr
        lines = [json.loads(line) for _, _, body in receiver.asked for line in body.splitlines()]
    assert [line["id"] for line in lines if line.get("agent_id", "").startswith("shipped")] == written


def test_sealing_names_what_holds_it_up(distributed: Distributed) -> None:
    environment = ENVIRONMENT | {"SEALER_DATABASE_URL": distributed.cluster.url("test_sealer")}
    with distributed.cluster.connect() as superuser:
        for _ in range(500):  # the coordinator's transactions have higher numbers than a worker's
            superuser.execute("SELECT pg_current_xact_id()")
    with psycopg.connect(distributed.cluster.url()) as writer:
        (number,) = writer.execute("SELECT pg_backend_pid() FROM pg_current_xact_id()").fetchone() or (0,)
        distributed.keyed("acme", "SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        ended = subprocess.run(
            [sys.executable, "-m", "app.seal", "--once"],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert f"held up by transaction of pid {number}, role postgres in database " in ended.stdout
