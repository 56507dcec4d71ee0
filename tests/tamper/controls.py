"""Ordinary work, which must catch nobody's eye."""

from tests.tamper.case import control
from tests.tamper.scene import Scene


@control("ordinary writing", quick=True)
def ordinary(scene: Scene) -> None:
    """Do what happens every second."""
    scene.go_on()


@control("a new epoch, and a window of time that lies after it", quick=True)
def window(scene: Scene) -> None:
    """Hide the whole old epoch, whose last leaves were sealed and not signed, behind a window."""
    scene.write(40)
    scene.begin_epoch("restore")
    scene.go_on()
    ((start,),) = scene.tamper(
        "SELECT min(l.created_at)::text FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.record_id = l.id"
        " WHERE s.tenant_id = 'acme' AND s.epoch = 2"
    )
    bundle = scene.export(start=start)
    assert bundle is not None
    scene.verify(bundle, "acme", "--window")
