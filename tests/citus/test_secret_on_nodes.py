"""The proofs' secret is on every node, is replaced on all of them at once, and is missed loudly."""

import json

import psycopg
import pytest

from app.distribute import distribute, rotate_secret
from tests.citus.conftest import SHARDS, Distributed

INSERT = "SELECT audit.insert_audit_log(p_agent_id => %s, p_mode => 'LIVE', p_status => 'success')"
LIST = "SELECT audit.list_audit_logs()"
IDS = "SELECT array_agg(s.id ORDER BY s.id) FROM audit.proof_secrets AS s"


def test_a_rotation_reaches_every_node(distributed: Distributed) -> None:
    before = distributed.call("postgres", (IDS, []))
    rotate_secret(distributed.cluster.url())
    after = [distributed.call("postgres", (IDS, []), node=node) for node in distributed.cluster.ports]
    assert after == [after[0]] * len(after)
    assert after[0] != before
    distributed.keyed("acme", INSERT, "rotated")
    assert json.loads(distributed.keyed("acme", LIST))["items"][0]["agent_id"] == "rotated"


def test_the_secret_is_not_replaced_on_the_coordinator_alone(distributed: Distributed) -> None:
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        distributed.call("postgres", ("SELECT audit.rotate_proof_secret()", []))


def test_a_node_without_the_secret_shows_no_empty_trail(distributed: Distributed) -> None:
    distributed.keyed("acme", INSERT, "there")
    node, _ = distributed.shard_of("acme")
    distributed.call("postgres", ("DELETE FROM audit.proof_secrets", []), node=node)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        distributed.keyed("acme", LIST)
    distribute(distributed.cluster.url(), SHARDS)
    assert json.loads(distributed.keyed("acme", LIST))["items"][0]["agent_id"] == "there"


def test_a_run_that_fails_leaves_the_coordinator_closed_until_one_ends_well(distributed: Distributed) -> None:
    with distributed.cluster.connect(node="worker_1") as worker:
        worker.execute("SET citus.enable_ddl_propagation = off")
        worker.execute("ALTER TABLE audit.proof_secrets RENAME TO lost")
        with pytest.raises(psycopg.errors.UndefinedTable):
            distribute(distributed.cluster.url(), SHARDS)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            distributed.keyed("acme", LIST)
        worker.execute("ALTER TABLE audit.lost RENAME TO proof_secrets")
    distribute(distributed.cluster.url(), SHARDS)
    assert json.loads(distributed.keyed("acme", LIST))["count"] > 0
