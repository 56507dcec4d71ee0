"""Retention and erasure as an operator does them, for the attacks that come after."""

from tests.tamper.scene import ERASER, RETENTION, Scene

ALLOWED = ("--allow-gone",)
"""What a reader says who has agreed to retention or erasure."""
OLD = 600
"""The first leaf of those that write_history() adds: 300 of acme, whose records are 400 days old."""
_HISTORY = """
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, user_id, error, created_at, api_key_id)
SELECT audit.uuid_v7(), 'trace-' || n, 'acme', 'agent-' || n, 'LIVE', 'success', 'user-' || n, 'none',
       now() - interval '400 days' + n * interval '1 second', api_key_id
FROM generate_series(1, 300) AS n CROSS JOIN (SELECT api_key_id FROM audit.audit_logs WHERE id = %s) AS any_record
"""


def write_history(scene: Scene) -> None:
    """Write records of long ago, as an import does; seal and sign them, and keep the checkpoint outside."""
    scene.tamper(_HISTORY, scene.leaf(0))
    scene.seal()
    scene.sign()
    scene.keep()


def prune(scene: Scene) -> None:
    """Set a term that the records of long ago are beyond, and prune them."""
    scene.administer("SELECT audit.set_retention('acme', 200, 200)")
    assert scene.administer("SELECT pruned FROM audit.prune_records(10000)", role=RETENTION) > 0


def hold(scene: Scene, trace: str) -> None:
    """Place a hold on the records of a trace."""
    scene.administer("SELECT audit.place_hold('acme', 'a court asks', 'case 1', p_trace_id => %s)", trace)


def erase(scene: Scene, record_id: str) -> None:
    """Erase the private part of a record."""
    scene.administer("SELECT audit.erase_record('acme', %s, 'request')", record_id, role=ERASER)


def state(scene: Scene, kind: str, first: int, end: int) -> None:
    """Forge a statement that leaves are pruned or erased, as only a superuser can."""
    scene.tamper(
        "SELECT audit.append_statement('acme', 1, audit.gone_leaf_line(%s, 'acme', 1,"
        " ARRAY(SELECT generate_series(%s::bigint, %s::bigint - 1)),"
        " 'LIVE', 200, now() - interval '400 days', now() - interval '300 days', now()))",
        kind, first, end,
    )  # fmt: skip


def delete(scene: Scene, first: int, end: int) -> None:
    """Delete the records of leaves by hand, and leave of the leaves what a prune leaves."""
    leaves = f"tenant_id = 'acme' AND epoch = 1 AND leaf_index >= {first} AND leaf_index < {end}"
    scene.tamper(
        f"DELETE FROM audit.audit_logs WHERE id IN (SELECT record_id FROM audit.seals WHERE {leaves});"
        f" UPDATE audit.seals SET record_id = NULL, salt = NULL, private_sha256 = NULL WHERE {leaves}"
    )


def empty(scene: Scene, record_id: str) -> None:
    """Erase the private part of a record by hand, with what an erasure leaves of it."""
    scene.tamper(
        """
        UPDATE audit.seals AS s
        SET salt = NULL, private_sha256 = sha256(convert_to(audit.private_leaf_line(l.log, s.salt), 'UTF8'))
        FROM (
            SELECT id, ROW(id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error,
                           created_at, recorded_at, api_key_id, context::text)::audit.listed_audit_log AS log
            FROM audit.audit_logs) AS l
        WHERE l.id = s.record_id AND l.id = %s
        """,
        record_id,
    )
    scene.tamper("UPDATE audit.audit_logs SET user_id = NULL, error = NULL, context = NULL WHERE id = %s", record_id)
