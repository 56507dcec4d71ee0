"""Sealing, leaves, the feed, retention and erasure, with records on shards and trees on the coordinator."""

import hashlib
import json
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.citus.conftest import Distributed
from tests.citus.sealing import seal
from tests.support.database import TestDatabase
from tests.support.sealing import sign


def write(distributed: Distributed, tenant: str, **members: str) -> UUID:
    record = {"id": str(uuid4()), "agent_id": "agent", "mode": "DRY_RUN", "status": "success"} | members
    distributed.keyed(tenant, "SELECT audit.insert_audit_logs(%s)", json.dumps([record]))
    return UUID(record["id"])


def test_a_sealed_record_has_the_leaf_that_its_text_says(distributed: Distributed) -> None:
    record = write(distributed, "acme")
    seal(distributed)
    line = distributed.keyed("acme", "SELECT audit.get_leaf(%s)", record).splitlines()[0]
    feed = distributed.keyed("acme", "SELECT audit.read_feed()::text")
    assert hashlib.sha256(b"\x00" + line.encode()).hexdigest() in feed


@pytest.mark.parametrize(
    "call",
    [
        "SELECT audit.insert_audit_log(p_agent_id => 'xid 0', p_mode => 'LIVE', p_status => 'success')",
        """SELECT audit.insert_audit_logs('[{"agent_id": "xid 1", "mode": "LIVE", "status": "success"}]')""",
        """SELECT audit.import_audit_logs(
            '[{"agent_id": "xid 2", "mode": "LIVE", "status": "success", "created_at": "2026-01-01T00:00:00Z"}]')""",
    ],
)
@pytest.mark.parametrize("way", ["keyed", "named"])
def test_a_record_has_the_number_of_the_coordinators_transaction(distributed: Distributed, call: str, way: str) -> None:
    if way == "named" and "import" in call:
        pytest.skip("an import takes a key")
    enter = {
        "keyed": ("audit_app", ("SELECT audit.enter_tenant(%s)", [distributed.keys["acme"]])),
        "named": ("test_gateway", ("SELECT audit.set_tenant(%s)", ["acme"])),
    }
    login, entered = enter[way]
    number = distributed.call(login, entered, (call, []), ("SELECT pg_current_xact_id()::text", []))
    with distributed.cluster.connect() as superuser:
        newest = superuser.execute(
            "SELECT l.recorded_xid::text FROM audit.audit_logs AS l WHERE l.agent_id LIKE 'xid%'"
            " ORDER BY l.recorded_at DESC LIMIT 1"
        ).fetchone()
    assert newest == (number,)


def test_a_prepared_transaction_on_a_worker_holds_sealing_back(distributed: Distributed) -> None:
    write(distributed, "acme")
    with distributed.cluster.connect(node="worker_1") as worker:
        worker.execute("BEGIN")
        worker.execute("SELECT pg_current_xact_id()")
        worker.execute("PREPARE TRANSACTION 'citus_0_1_1_1'")
        try:
            assert distributed.call("test_sealer", ("SELECT audit.seal_records()", [])) == 0
        finally:
            worker.execute("ROLLBACK PREPARED 'citus_0_1_1_1'")
    assert distributed.call("test_sealer", ("SELECT audit.seal_records()", [])) > 0


def test_a_proof_of_inclusion_names_the_signed_head(distributed: Distributed) -> None:
    record = write(distributed, "acme")
    seal(distributed)
    with distributed.cluster.connect() as superuser:
        checkpoint = sign(TestDatabase(superuser), "acme")
    assert checkpoint in distributed.keyed("acme", "SELECT audit.get_inclusion_proof(%s)", record)


def test_a_person_is_erased_and_a_held_one_is_not(distributed: Distributed) -> None:
    gone, held = write(distributed, "acme", user_id="gone"), write(distributed, "acme", user_id="held")
    with distributed.cluster.connect() as superuser:
        superuser.execute("SELECT audit.place_hold('acme', 'a case', 'C-1', p_user_id => 'held')")
    seal(distributed)
    for user in ("gone", "held"):
        distributed.call("test_eraser", ("SELECT e.erased FROM audit.erase_user('acme', %s, 'R-1') AS e", [user]))
    read = "SELECT audit.get_audit_log(%s)::json ->> 'user_id'"
    assert [distributed.keyed("acme", read, record) for record in (gone, held)] == [None, "held"]


def test_a_prune_takes_what_is_due_alone_and_its_id_stays_taken(distributed: Distributed) -> None:
    old = {
        "id": str(uuid4()),
        "agent_id": "old",
        "mode": "DRY_RUN",
        "status": "success",
        "created_at": "2020-01-01T00:00:00Z",
    }
    distributed.keyed("globex", "SELECT audit.import_audit_logs(%s)", json.dumps([old]))
    kept = write(distributed, "globex")
    with distributed.cluster.connect() as superuser:
        superuser.execute("SELECT audit.set_retention('globex', 4000, 30)")
    seal(distributed)
    assert distributed.call("test_keeper", ("SELECT p.pruned FROM audit.prune_records() AS p", [])) == 1
    assert distributed.keyed("globex", "SELECT audit.get_audit_log(%s)", kept) is not None
    assert distributed.keyed("globex", "SELECT audit.get_audit_log(%s)", old["id"]) is None

    with pytest.raises(psycopg.Error) as refused:
        write(distributed, "globex", id=old["id"])
    assert refused.value.sqlstate == "RF004"
