"""Attacks on the trees, up to one that is rewritten so that it agrees with itself."""

from tests.tamper import on_records
from tests.tamper.case import attack
from tests.tamper.scene import Scene

_OF_ACME = "WHERE tenant_id = 'acme'"


@attack("rewrite the tree over a changed record", "signer", "verifier: root", "verifier: since", quick=True)
def rewrite(scene: Scene) -> None:
    """Change a record, its leaf and all above it: the database agrees with itself."""
    record = scene.leaf(7)
    scene.tamper("UPDATE audit.audit_logs SET status = 'denied' WHERE id = %s", record)
    scene.rehash(record)
    scene.rebuild()


@attack("rewrite the tree without a record", "signer", "verifier: root", "verifier: since")
def rewrite_without(scene: Scene) -> None:
    """Delete a record and its leaf, and close the gap."""
    on_records.delete_with_leaf(scene)
    scene.tamper(
        f"UPDATE audit.seals SET leaf_index = leaf_index + 100000 {_OF_ACME} AND leaf_index > 7;"
        " UPDATE audit.seals SET leaf_index = leaf_index - 100001 WHERE leaf_index > 100000"
    )
    scene.rebuild()


@attack("change a tree's root", "sealer")
def change_root(scene: Scene) -> None:
    """Change what stands in audit.trees alone."""
    scene.tamper(f"UPDATE audit.trees SET root = sha256('x') {_OF_ACME}")


@attack("change a leaf's hash", "proof")
def change_leaf(scene: Scene) -> None:
    """Change what stands in audit.seals alone: the record is as it was, and proves itself no more."""
    scene.tamper(f"UPDATE audit.seals SET leaf_hash = sha256('x') {_OF_ACME} AND leaf_index = 7")
    scene.prove(scene.leaf(6))


@attack("change a node's hash", "signer")
def change_node(scene: Scene) -> None:
    """Change what stands in audit.seal_nodes alone."""
    scene.tamper(f"UPDATE audit.seal_nodes SET hash = sha256('x') {_OF_ACME} AND node_index = 0")


@attack("cut the tail of the tree", "signer", "verifier: since", quick=True)
def cut(scene: Scene) -> None:
    """Take the records from leaf 500 on, their leaves, and the checkpoints that know them."""
    scene.tamper(
        "DELETE FROM audit.audit_logs WHERE id IN"
        f" (SELECT record_id FROM audit.seals {_OF_ACME} AND leaf_index >= 500);"
        f" DELETE FROM audit.seals {_OF_ACME} AND leaf_index >= 500;"
        f" DELETE FROM audit.checkpoints {_OF_ACME} AND size > 500"
    )
    scene.rebuild()


@attack("drop a tenant's whole tree and begin again", "signer", "no checkpoint")
def drop_tree(scene: Scene) -> None:
    """Leave the records, which are sealed anew."""
    for table in ("checkpoints", "seals", "seal_nodes", "trees"):
        scene.tamper(f"DELETE FROM audit.{table} {_OF_ACME}")


@attack("drop a tenant's tree and records", "signer", "no checkpoint")
def drop_all(scene: Scene) -> None:
    """Leave nothing."""
    drop_tree(scene)
    scene.tamper(f"DELETE FROM audit.audit_logs {_OF_ACME}")


@attack("put an older checkpoint in the place of the newest", "verifier: root")
def older_checkpoint(scene: Scene) -> None:
    """Replace the note."""
    scene.goes_on = False
    scene.tamper(
        f"UPDATE audit.checkpoints SET note = (SELECT note FROM audit.checkpoints {_OF_ACME} AND size = 400)"
        f" {_OF_ACME} AND size = 600"
    )


@attack("show the checkpoint of another tenant", "verifier: tenant", "verifier: signature", quick=True)
def checkpoint_of_another(scene: Scene) -> None:
    """Replace the note with that of globex."""
    scene.goes_on = False
    scene.tamper(
        "UPDATE audit.checkpoints SET note = (SELECT note FROM audit.checkpoints WHERE tenant_id = 'globex' AND"
        f" size = 60) {_OF_ACME} AND size = 600"
    )


@attack("hide the newest checkpoint, and what came since the one before", "verifier: since")
def hide_checkpoint(scene: Scene) -> None:
    """Stop signing, and show an export of yesterday."""
    scene.goes_on = False
    scene.tamper(f"DELETE FROM audit.checkpoints {_OF_ACME} AND size = 600")
