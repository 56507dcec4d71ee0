"""Attacks on the records themselves."""

from tests.tamper.case import attack
from tests.tamper.scene import Scene


@attack("delete a record", "verifier: gone", quick=True)
def delete(scene: Scene) -> None:
    """Delete one."""
    scene.tamper("DELETE FROM audit.audit_logs WHERE id = %s", scene.leaf(7))
