"""What nothing can catch. docs/evidence.md says so; a miss that is caught one day is none any more."""

import psycopg

from tests.tamper import keeping, moves
from tests.tamper.case import miss
from tests.tamper.keeping import ALLOWED
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


@miss("delete records and forge a statement of their prune, for a reader who agreed to retention", quick=True)
def forged_prune(scene: Scene) -> None:
    """Do by hand what a prune does: the reader has to compare what has gone with the terms."""
    scene.options = ALLOWED
    keeping.state(scene, "prune", 7, 10)
    keeping.delete(scene, 7, 10)


@miss("delete a record that a hold keeps, with a forged statement, for a reader who agreed to retention")
def held(scene: Scene) -> None:
    """The reader has to search the export for what the hold is about."""
    scene.options = ALLOWED
    keeping.hold(scene, "trace-7")
    keeping.state(scene, "prune", 7, 8)
    keeping.delete(scene, 7, 8)


@miss("back-date a record and let it be pruned, for a reader who agreed to retention")
def back_dated(scene: Scene) -> None:
    """The prune believes the table. The kept export, which has the true time, shows that it went too early."""
    scene.options = ALLOWED
    scene.tamper("UPDATE audit.audit_logs SET created_at = created_at - interval '1 year' WHERE id = %s", scene.leaf(7))
    keeping.prune(scene)


@miss("put a text into an erased record")
def filled(scene: Scene) -> None:
    """Lists show it, and the evidence does not have it: of an erased part nothing is proven."""
    scene.options = ALLOWED
    record = scene.leaf(7)
    keeping.erase(scene, record)
    scene.tamper("UPDATE audit.audit_logs SET error = 'another' WHERE id = %s", record)


@miss("put the erased text and its salt back, from a copy")
def restored(scene: Scene) -> None:
    """It is what was sealed. The statement says that it was erased, and a copy was left."""
    scene.options = ALLOWED
    record = scene.leaf(7)
    ((text, salt),) = scene.tamper(
        "SELECT l::text, encode(s.salt, 'hex') FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.record_id = l.id"
        " WHERE l.id = %s",
        record,
    )
    keeping.erase(scene, record)
    scene.tamper("DELETE FROM audit.audit_logs WHERE id = %s", record)
    scene.tamper("INSERT INTO audit.audit_logs SELECT (%s::audit.audit_logs).*", text)
    scene.tamper(
        "UPDATE audit.seals SET salt = decode(%s, 'hex'), private_sha256 = NULL WHERE record_id = %s", salt, record
    )
