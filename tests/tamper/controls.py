"""Ordinary work, which nobody may take for an attack."""

from app import migrate
from tests.tamper import keeping, moves
from tests.tamper.case import control
from tests.tamper.scene import Scene


@control("ordinary writing", quick=True)
def writing(scene: Scene) -> None:
    """Do what happens every second, a few times."""
    for _ in range(3):
        scene.go_on()


@control("VACUUM FULL and REINDEX")
def vacuum(scene: Scene) -> None:
    """Write every table and index anew."""
    scene.tamper("VACUUM (FULL, FREEZE, ANALYZE)")
    scene.tamper("REINDEX SCHEMA audit")


@control("dump and restore into a new server, with an epoch", quick=True)
def restored(scene: Scene) -> None:
    """Restore a backup that lacks nothing, with records that were not sealed yet."""
    scene.write(40)
    moves.restore_elsewhere(scene, moves.dump(scene))
    assert "nothing that was signed is lost" in scene.begin_epoch("restore")


@control("a window of time that shows nothing of the old epoch", quick=True)
def window(scene: Scene) -> None:
    """Hide the whole old epoch, whose last leaves were sealed and not signed before it ended, behind a window."""
    scene.write(40)
    scene.begin_epoch("restore")
    for _ in range(2):  # the old epoch's last head is signed in the second round
        scene.go_on()
    ((start,),) = scene.tamper(
        "SELECT min(l.created_at)::text FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.record_id = l.id"
        " WHERE s.tenant_id = 'acme' AND s.epoch = 2"
    )
    bundle = scene.export(start=start)
    assert bundle is not None
    scene.verify(bundle, "acme", "--window")


@control("fail over to a standby that lacks nothing, with an epoch")
def failed_over(scene: Scene) -> None:
    """Lose nothing."""
    with moves.lagging_standby(scene):
        pass
    assert "nothing that was signed is lost" in scene.begin_epoch("failover")


@control("rotation of the signer's key, for a tenant who has the old one", quick=True)
def rotation(scene: Scene) -> None:
    """Sign with both keys, as long as they overlap."""
    assert scene.signer().command("rotate").returncode == 0


@control("rotation of the signer's key, once the old one signs no more")
def rotated(scene: Scene) -> None:
    """Sign with the new key alone, of which the tenant has been told."""
    assert scene.signer().command("rotate", "--overlap-days", "0").returncode == 0
    scene.vkeys["acme"].append(scene.signer().command("vkey", "--tenant", "acme").stdout.strip())


@control("an upgrade that replaces every function and policy")
def upgrade(scene: Scene) -> None:
    """Migrate from a release whose functions and policies were others."""
    scene.tamper("UPDATE pgmigrate.applied_files SET sha256 = repeat('0', 64) WHERE path !~ '^schema/'")
    done = migrate.apply(scene.cluster.url("postgres", scene.database))
    assert done is not None
    assert "functions/seal/record_leaf_line.sql" in done.changed


@control("prune, hold and erase by the rules, for a reader who agreed to that", quick=True)
def kept_by_the_rules(scene: Scene) -> None:
    """Prune what is due but for what is held, and erase the part of a record that is left."""
    scene.options = keeping.ALLOWED
    keeping.write_history(scene)
    keeping.hold(scene, "trace-8")
    keeping.prune(scene)
    keeping.erase(scene, scene.leaf(7))
    scene.go_on()
    scene.keep()


@control("prune by the rules, then restore into a new server with an epoch")
def pruned_and_restored(scene: Scene) -> None:
    """Prune, back up, restore, and prune again: the statement of the second is in the tree of the new epoch."""
    scene.options = keeping.ALLOWED
    keeping.write_history(scene)
    keeping.hold(scene, "trace-8")
    keeping.prune(scene)
    scene.go_on()
    moves.restore_elsewhere(scene, moves.dump(scene))
    scene.begin_epoch("restore")
    ((held,),) = scene.tamper("SELECT id FROM audit.legal_holds")
    scene.administer("SELECT audit.release_hold(%s, 'the case is closed')", held)
    keeping.prune(scene)
