"""A node that is added has everything before it gets shards; one that came too early is refused loudly."""

import json

import psycopg
import pytest

from app.distribute import DistributionRefused, distribute
from tests.citus.cluster import CitusCluster
from tests.citus.conftest import SHARDS, Distributed

INSERT = "SELECT audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'LIVE', p_status => 'success')"
LIST = "SELECT audit.list_audit_logs()"


def move(distributed: Distributed, tenant: str, target: str) -> None:
    node, shard = distributed.shard_of(tenant)
    ports = distributed.cluster.ports
    statement = (
        "SELECT citus_move_shard_placement(%s::bigint, '127.0.0.1', %s::int, '127.0.0.1', %s::int, 'block_writes')"
    )
    distributed.call("postgres", (statement, [shard.rpartition("_")[2], ports[node], ports[target]]))


def test_a_node_that_was_prepared_takes_shards_of_every_tenant(distributed: Distributed) -> None:
    cluster = distributed.cluster
    cluster.bring("worker_3")
    cluster.add_inactive("worker_3")
    assert distribute(cluster.url(), SHARDS)[-1].endswith("migrated")
    for tenant in ("acme", "globex"):
        move(distributed, tenant, "worker_3")
        distributed.keyed(tenant, INSERT)
        distributed.named(tenant, INSERT)
        assert json.loads(distributed.keyed(tenant, LIST))["count"] == 2


def test_a_node_that_became_active_too_early_is_refused_and_shows_no_empty_trail(distributed: Distributed) -> None:
    cluster = distributed.cluster
    before, _ = distributed.shard_of("acme")
    cluster.bring("worker_4")
    cluster.add("worker_4")
    distributed.keyed("acme", INSERT)
    move(distributed, "acme", "worker_4")
    try:
        for call in (INSERT, LIST):
            with pytest.raises(psycopg.Error):
                distributed.keyed("acme", call)
        with pytest.raises(DistributionRefused, match="before it was prepared"):
            distribute(cluster.url(), SHARDS)
        assert json.loads(distributed.keyed("globex", LIST))["count"] > 0, "the refusal closed the coordinator"
    finally:
        move(distributed, "acme", before)
        distributed.call("postgres", ("SELECT citus_remove_node('127.0.0.1', %s)", [cluster.ports["worker_4"]]))
    distributed.keyed("acme", LIST)


def test_a_worker_with_tenants_of_its_own_is_refused(empty_cluster: CitusCluster) -> None:
    with empty_cluster.connect(node="worker_1") as worker:
        worker.execute("SET citus.enable_ddl_propagation = off")
        worker.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('its-own', now())")
        try:
            with pytest.raises(DistributionRefused, match="tenants of its own"):
                distribute(empty_cluster.url(), SHARDS)
        finally:
            worker.execute("TRUNCATE audit.tenants CASCADE")
    distribute(empty_cluster.url(), SHARDS)
