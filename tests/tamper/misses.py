"""What nothing can catch. docs/evidence.md says so; a miss that is caught one day is none any more."""

import psycopg

from tests.tamper import moves
from tests.tamper.case import miss
from tests.tamper.scene import Scene


@miss("change a record before it is sealed", quick=True)
def before_sealing(scene: Scene) -> None:
    """Be faster than the sealer."""
    scene.write(1, agent_id="written")
    scene.tamper("UPDATE audit.audit_logs SET agent_id = 'changed' WHERE agent_id = 'written'")


@miss("insert a new record with the api_key_id of somebody")
def forged(scene: Scene) -> None:
    """Write a record past the functions, as of now."""
    scene.tamper(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, api_key_id)"
        " SELECT gen_random_uuid(), tenant_id, 'forged', mode, status, api_key_id FROM audit.audit_logs WHERE id = %s",
        scene.leaf(7),
    )


@miss("acknowledge a record and never store it")
def never_stored(scene: Scene) -> None:
    """Roll a record back that its writer takes for stored."""
    with psycopg.connect(scene.cluster.url("audit_app", scene.database)) as service:
        service.execute("SELECT audit.enter_tenant(p_api_key => %s)", [scene.keys["acme"]])
        service.execute("SELECT audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'LIVE', p_status => 'success')")
        service.rollback()


@miss("fail over to a standby that lacks records which no checkpoint covers, with an epoch")
def lost_unsigned(scene: Scene) -> None:
    """Lose records that were acknowledged and sealed, and that nobody has in a checkpoint."""
    with moves.lagging_standby(scene):
        scene.write(10)
        scene.seal()
    scene.begin_epoch("failover")


@miss("swap the recorded_xid of two sealed records")
def swapped_numbers(scene: Scene) -> None:
    """Change what is part of no leaf: the order that is proven is that of the leaves."""
    one, other = scene.leaf(7), scene.leaf(407)
    scene.tamper(
        "UPDATE audit.audit_logs AS l SET recorded_xid = o.recorded_xid FROM audit.audit_logs AS o"
        " WHERE (l.id, o.id) IN ((%s, %s), (%s, %s))",
        one, other, other, one,
    )  # fmt: skip
