"""Restores and failovers that lose sealed records: what is not said, and what is said and is a loss all the same."""

from tests.tamper import moves
from tests.tamper.case import attack
from tests.tamper.scene import Scene


def _restore_an_old_backup(scene: Scene) -> None:
    backup = moves.dump(scene)
    scene.write(10)
    scene.go_on()
    scene.keep()
    moves.restore(scene, backup)


def _fail_over(scene: Scene) -> None:
    with moves.lagging_standby(scene):
        scene.write(10)
        scene.go_on()
        scene.keep()


@attack("restore an old backup and go on", "signer", "verifier: since", quick=True)
def old_backup(scene: Scene) -> None:
    """Begin no epoch."""
    _restore_an_old_backup(scene)


@attack("restore an old backup, with an epoch that says nothing was signed", "signer", "verifier: since")
def epoch_of_a_liar(scene: Scene) -> None:
    """Begin an epoch with --nothing-known."""
    _restore_an_old_backup(scene)
    scene.begin_epoch("restore", is_known=False)


@attack("lie in the statement of an epoch: hide known_size", "signer", "verifier: since", quick=True)
def edited_statement(scene: Scene) -> None:
    """Begin it as it should be, and edit its first leaf and the tree above it."""
    _restore_an_old_backup(scene)
    scene.begin_epoch("restore")
    scene.tamper(
        """
        UPDATE audit.seals AS s
        SET line = regexp_replace(s.line, '"known_size":.*,"reason"', concat(
            '"known_size":600,"known_root":"', encode(c.root, 'hex'), '","reason"'))
        FROM audit.checkpoints AS c
        WHERE (s.tenant_id, s.epoch) = ('acme', 2) AND (c.tenant_id, c.epoch, c.size) = ('acme', 1, 600);
        UPDATE audit.seals SET leaf_hash = sha256(decode('00', 'hex') || convert_to(line, 'UTF8'))
        WHERE (tenant_id, epoch) = ('acme', 2)
        """
    )
    scene.rebuild("acme", 2)


@attack("restore an old backup, with an epoch that says what is lost", "verifier: epochs", "verifier: since")
def told_loss(scene: Scene) -> None:
    """Begin the epoch as docs/restore.md says: the loss is told, and stays one."""
    _restore_an_old_backup(scene)
    scene.begin_epoch("restore")


@attack(
    "restore a backup from before the last epoch, with an epoch that passes over it",
    "verifier: epochs",
    "verifier: since",
)
def lost_epoch(scene: Scene) -> None:
    """Lose a whole epoch: its number is not used again."""
    backup = moves.dump(scene)
    scene.begin_epoch("restore")
    scene.go_on()
    scene.keep()
    moves.restore(scene, backup)
    scene.begin_epoch("restore")


@attack("restore an old backup, with two epochs of which the first says that nothing was signed", "signer", quick=True)
def chain_of_a_liar(scene: Scene) -> None:
    """Lie in an epoch, and hide that one behind another, which has nothing to say."""
    _restore_an_old_backup(scene)
    scene.begin_epoch("restore", is_known=False)
    scene.begin_epoch("restore")


@attack("restore an old backup, with an epoch without a statement before the new one", "signer")
def empty_epoch(scene: Scene) -> None:
    """Put an empty epoch between the one that has lost leaves and the new one."""
    _restore_an_old_backup(scene)
    scene.tamper(
        "INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, sealed_xid, sealed_id, began_at)"
        " SELECT tenant_id, 2, 0, sha256(''), '', sealed_xid, sealed_id, began_at FROM audit.trees"
        " WHERE tenant_id = 'acme'"
    )
    scene.begin_epoch("restore")


@attack("fail over to a standby that lacks sealed records, and go on", "signer", "verifier: since")
def lagging(scene: Scene) -> None:
    """Begin no epoch."""
    _fail_over(scene)


@attack("fail over to a standby that lacks sealed records, with an epoch", "verifier: epochs", "verifier: since")
def told_failover(scene: Scene) -> None:
    """Begin the epoch as docs/restore.md says."""
    _fail_over(scene)
    scene.begin_epoch("failover")
