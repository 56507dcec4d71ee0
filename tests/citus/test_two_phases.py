"""A write has a part on the tenant's node alone, and that part is committed in two phases."""

import json
from uuid import uuid4

import pytest

from tests.citus.conftest import Distributed, Statement
from tests.support.polling import eventually

INSERT: Statement = (
    "SELECT audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'LIVE', p_status => 'success')",
    [],
)
CLAIM: Statement = ("SELECT audit.claim_idempotency_key(gen_random_uuid()::text, sha256('body'), 'answered')", [])
PREPARED = "SELECT count(*) FROM pg_dist_transaction"
"""Citus keeps a row for each part that was prepared and committed, until its next recovery."""


def recover(distributed: Distributed) -> None:
    distributed.call("postgres", ("SELECT recover_prepared_transactions()", []))
    assert distributed.call("postgres", (PREPARED, [])) == 0


@pytest.mark.parametrize(("statements", "parts"), [((INSERT,), 1), ((CLAIM,), 0), ((CLAIM, INSERT), 1)])
def test_a_record_is_prepared_on_the_node_of_its_tenant_alone(
    distributed: Distributed, statements: tuple[Statement, ...], parts: int
) -> None:
    recover(distributed)
    enter: Statement = ("SELECT audit.enter_tenant(%s)", [distributed.keys["acme"]])
    distributed.call("audit_app", enter, *statements)
    assert distributed.call("postgres", (PREPARED, [])) == parts


def test_a_prune_is_prepared_beside_its_statement(distributed: Distributed) -> None:
    old = {"id": str(uuid4()), "agent_id": "old", "mode": "DRY_RUN", "status": "success"}
    imported = json.dumps([old | {"created_at": "2020-01-01T00:00:00Z"}])
    distributed.keyed("globex", "SELECT audit.import_audit_logs(%s)", imported)
    distributed.call("postgres", ("SELECT audit.set_retention('globex', 4000, 30)", []))
    leaves: Statement = ("SELECT count(*) FROM audit.seals WHERE record_id = %s", [old["id"]])

    def is_sealed() -> bool:
        distributed.call("test_sealer", ("SELECT audit.seal_records()", []))
        return bool(distributed.call("postgres", leaves))

    eventually(is_sealed)
    recover(distributed)
    assert distributed.call("test_keeper", ("SELECT p.pruned FROM audit.prune_records() AS p", [])) == 1
    assert distributed.call("postgres", (PREPARED, [])) == 1
