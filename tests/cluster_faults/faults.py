"""What the cluster has to live through. Each happens under load, and ends with nodes that are whole again."""

import time
from collections.abc import Callable

from app.distribute import distribute
from tests.chaos.laboratory import DATABASE
from tests.chaos.ledger import Answer
from tests.citus.cluster import COORDINATOR
from tests.cluster_faults.cluster import FAR, SHARDS, ClusterLaboratory
from tests.support.polling import eventually

Fault = Callable[[ClusterLaboratory], None]
FAULTS: dict[str, Fault] = {}
NEEDS_A_NETWORK: set[str] = set()


def fault(name: str, *, needs_a_network: bool = False) -> Callable[[Fault], Fault]:
    """Register a fault under the name that the report gives it."""

    def register(happen: Fault) -> Fault:
        FAULTS[name] = happen
        if needs_a_network:
            NEEDS_A_NETWORK.add(name)
        return happen

    return register


@fault("A worker killed (SIGKILL), started again")
def worker_killed(lab: ClusterLaboratory) -> None:
    nodes = lab.cluster.nodes
    with lab.under_load():
        nodes.servers[FAR].kill()
        time.sleep(lab.seconds)
        nodes.boot(FAR)


@fault("The coordinator killed (SIGKILL), started again")
def coordinator_killed(lab: ClusterLaboratory) -> None:
    nodes = lab.cluster.nodes
    with lab.under_load():
        nodes.servers[COORDINATOR].kill()
        lab.wait_for(Answer.SPOOLED)
        nodes.boot(COORDINATOR)


@fault("The coordinator killed while a worker has prepared what it has not committed")
def coordinator_killed_in_between(lab: ClusterLaboratory) -> None:
    nodes = lab.cluster.nodes
    prepared = "SELECT count(*) FROM pg_prepared_xacts"
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE 'PREPARE%'"
    with lab.under_load(), nodes.connect(node=FAR) as worker:
        # The worker has prepared, and waits for a standby before it says so: the coordinator cannot have gone on.
        worker.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        worker.execute("SELECT pg_reload_conf()")
        eventually(lambda: _number(worker.execute(waiting).fetchone()) > 0)
        nodes.servers[COORDINATOR].kill()
        worker.execute("ALTER SYSTEM RESET synchronous_standby_names")
        worker.execute("SELECT pg_reload_conf()")
        eventually(lambda: _number(worker.execute(prepared).fetchone()) > 0)
        nodes.boot(COORDINATOR)
        eventually(lambda: _number(worker.execute(prepared).fetchone()) == 0)


@fault("A shard moved to the other worker, and back")
def shard_moved(lab: ClusterLaboratory) -> None:
    nodes = lab.cluster.nodes
    tenant = min(lab.cluster.tenants_on(FAR))
    ends = [f"'{nodes.host(node)}', {nodes.ports[node]}" for node in (FAR, "worker_1")]
    shard = f"get_shard_id_for_distribution_column('audit.audit_logs', '{tenant}'::text)"
    with lab.under_load():
        for source, target in (ends, ends[::-1]):
            lab.cluster.query(
                f"SELECT citus_move_shard_placement({shard}, {source}, {target}, 'block_writes')", DATABASE
            )
            lab.wait_for(Answer.ACKNOWLEDGED)


@fault("The network of a worker cut, and mended", needs_a_network=True)
def network_cut(lab: ClusterLaboratory) -> None:
    network = lab.cluster.nodes.network
    assert network
    with lab.under_load():
        network.cut()
        time.sleep(4 * lab.seconds)
        network.heal()


# The last: the cluster has three workers from then on.
@fault("A worker added (make distribute), the shards rebalanced")
def worker_added(lab: ClusterLaboratory) -> None:
    nodes = lab.cluster.nodes
    nodes.bring("worker_3")
    with lab.under_load():
        nodes.add_inactive("worker_3")
        distribute(lab.cluster.url("postgres", DATABASE), SHARDS)
        lab.cluster.query("SELECT citus_rebalance_start(shard_transfer_mode => 'block_writes')", DATABASE)
        lab.cluster.query("SELECT citus_rebalance_wait()", DATABASE)
    placed = "SELECT count(*) FROM citus_shards WHERE table_name = 'audit.audit_logs'::regclass AND nodeport = "
    assert _number(lab.cluster.query(f"{placed}{nodes.ports['worker_3']}", DATABASE)[0]) > 0, "no shard was moved"


def _number(row: tuple[object, ...] | None) -> int:
    assert row
    return int(str(row[0]))
