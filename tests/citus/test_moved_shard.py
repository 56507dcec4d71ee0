"""A shard that moves to the other worker keeps its records and its policies."""

import json

import psycopg
import pytest

from app.distribute import distribute
from tests.citus.conftest import SHARDS, Distributed

INSERT = "SELECT audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'LIVE', p_status => 'success')"
LIST = "SELECT audit.list_audit_logs()"
MOVE = "SELECT citus_move_shard_placement(%s::bigint, '127.0.0.1', %s::int, '127.0.0.1', %s::int, 'block_writes')"


def test_a_moved_shard_is_as_closed_and_as_full_as_before(distributed: Distributed) -> None:
    distributed.keyed("acme", INSERT)
    node, shard = distributed.shard_of("acme")
    other = "worker_1" if node == "worker_2" else "worker_2"
    ports = distributed.cluster.ports
    distributed.call("postgres", (MOVE, [shard.rpartition("_")[2], ports[node], ports[other]]))
    assert distributed.shard_of("acme") == (other, shard)
    distributed.keyed("acme", INSERT)
    assert json.loads(distributed.keyed("acme", LIST))["count"] == 2
    assert distributed.call("audit_owner", (f"SELECT count(*) FROM {shard}", []), node=other) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        distributed.call("audit_app", (f"SELECT count(*) FROM {shard}", []), node=other)


def test_a_moved_shard_takes_records_of_named_tenants_after_the_next_distribution(distributed: Distributed) -> None:
    node, shard = distributed.shard_of("globex")
    other = "worker_1" if node == "worker_2" else "worker_2"
    ports = distributed.cluster.ports
    distributed.call("postgres", (MOVE, [shard.rpartition("_")[2], ports[node], ports[other]]))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        distributed.named("globex", INSERT)
    distribute(distributed.cluster.url(), SHARDS)
    distributed.named("globex", INSERT)
    assert json.loads(distributed.named("globex", LIST))["count"] == 1
