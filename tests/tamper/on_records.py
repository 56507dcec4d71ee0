"""Attacks on the records themselves, past the functions."""

from tests.tamper.case import attack
from tests.tamper.scene import Scene

_CHANGES = {
    "trace_id": "trace_id || 'x'",
    "agent_id": "'another-agent'",
    "mode": "'DRY_RUN'",
    "status": "'denied'",
    "http_status": "http_status + 1",
    "latency_ms": "latency_ms + 1",
    "user_id": "'somebody else'",
    "error": "NULL",
    "created_at": "created_at + interval '1 microsecond'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "api_key_id": "'0123456789abcdef'",
    "context": "replace(context::text, '{', '{ ')::json",
}
"""Of one record; of context one space that changes nothing of what it says."""
_COPY = (
    "INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, created_at, recorded_at,"
    " recorded_xid, api_key_id) SELECT gen_random_uuid(), trace_id, tenant_id, 'forged', mode, status, created_at,"
    " recorded_at, {xid}, api_key_id FROM audit.audit_logs WHERE id = %s"
)


def _change(scene: Scene, field: str) -> None:
    scene.tamper(f"UPDATE audit.audit_logs SET {field} = {_CHANGES[field]} WHERE id = %s", scene.leaf(7))


def _register_changes() -> None:
    for field in _CHANGES:

        @attack(f"change {field}", "verifier: root", "verifier: since", quick=field in ("latency_ms", "context"))
        def change(scene: Scene, field: str = field) -> None:
            _change(scene, field)


@attack("delete a record", "verifier: gone", quick=True)
def delete(scene: Scene) -> None:
    """Delete the row alone."""
    scene.tamper("DELETE FROM audit.audit_logs WHERE id = %s", scene.leaf(7))


@attack("delete the newest record", "verifier: gone")
def delete_newest(scene: Scene) -> None:
    """Delete the row of the last leaf."""
    scene.tamper("DELETE FROM audit.audit_logs WHERE id = %s", scene.leaf(599))


@attack("delete a record and its leaf", "export")
def delete_with_leaf(scene: Scene) -> None:
    """Delete both, and leave a gap between the leaves."""
    record = scene.leaf(7)
    scene.tamper("DELETE FROM audit.audit_logs WHERE id = %s", record)
    scene.tamper("DELETE FROM audit.seals WHERE record_id = %s", record)


_register_changes()


@attack("change id", "verifier: gone")
def change_id(scene: Scene) -> None:
    """Give a record another id."""
    scene.tamper("UPDATE audit.audit_logs SET id = gen_random_uuid() WHERE id = %s", scene.leaf(7))


@attack("back-date a record by a year", "verifier: root")
def back_date(scene: Scene) -> None:
    """Change both of its times, by as much."""
    scene.tamper(
        "UPDATE audit.audit_logs SET created_at = created_at - interval '1 year',"
        " recorded_at = recorded_at - interval '1 year' WHERE id = %s",
        scene.leaf(7),
    )


@attack("swap two leaves", "verifier: root", quick=True)
def swap_leaves(scene: Scene) -> None:
    """Exchange the places of two leaves."""
    scene.tamper(
        "UPDATE audit.seals SET leaf_index = leaf_index + 100000 WHERE tenant_id = 'acme' AND leaf_index IN (7, 8);"
        " UPDATE audit.seals SET leaf_index = 100015 - leaf_index WHERE leaf_index > 100000"
    )


@attack("give a sealed record a new recorded_xid", "sealer")
def raise_number(scene: Scene) -> None:
    """Make it look as if it waited to be sealed."""
    scene.tamper("UPDATE audit.audit_logs SET recorded_xid = pg_current_xact_id() WHERE id = %s", scene.leaf(7))


@attack("insert a back-dated record, with an old recorded_xid", "comparison", quick=True)
def insert_among_older(scene: Scene) -> None:
    """Insert a copy of a sealed record with its times and its number, so that sealing has passed it."""
    scene.tamper(_COPY.format(xid="recorded_xid"), scene.leaf(7))


@attack("insert a record with the api_key_id of somebody, and a leaf for it", "signer", "verifier: root")
def insert_with_leaf(scene: Scene) -> None:
    """Put a leaf for the copy in the middle, and make the tree fit."""
    scene.tamper(_COPY.format(xid="recorded_xid"), scene.leaf(7))
    scene.tamper(
        "UPDATE audit.seals SET leaf_index = leaf_index + 100000 WHERE tenant_id = 'acme' AND leaf_index > 7;"
        " UPDATE audit.seals SET leaf_index = leaf_index - 99999 WHERE leaf_index > 100000;"
        " INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, record_id, salt)"
        " SELECT 'acme', 1, 8, sha256(''), id, sha256('salt') FROM audit.audit_logs WHERE agent_id = 'forged'"
    )
    scene.rehash(scene.leaf(8))
    scene.rebuild()


@attack("move a record to another tenant", "verifier: gone", quick=True)
def move(scene: Scene) -> None:
    """Take it from acme."""
    scene.tamper("UPDATE audit.audit_logs SET tenant_id = 'globex' WHERE id = %s", scene.leaf(7))


@attack("move a record to another tenant, as that one sees it", "comparison")
def move_here(scene: Scene) -> None:
    """Give it to globex."""
    move(scene)
    scene.judged = "globex"


@attack("take the id of a record that is gone", "verifier: root", "sealer")
def take_id(scene: Scene) -> None:
    """Delete a record, and write another with its id, through the functions."""
    record = scene.leaf(7)
    delete(scene)
    scene.write(1, id=record)


@attack("take the id of a record that is gone, as another tenant", "verifier: gone")
def take_id_elsewhere(scene: Scene) -> None:
    """Delete a record of acme, and let globex write one with its id."""
    record = scene.leaf(7)
    delete(scene)
    scene.write(1, "globex", id=record)
