"""Attacks with and against retention and erasure. Where nothing else is said, the reader has agreed to both."""

import psycopg

from tests.tamper import keeping
from tests.tamper.case import attack
from tests.tamper.keeping import ALLOWED, OLD
from tests.tamper.scene import Scene


@attack(
    "delete records and forge a statement of their prune, for a reader who agreed to none", "verifier: gone", quick=True
)
def forged_prune(scene: Scene) -> None:
    """Do by hand what a prune does."""
    keeping.state(scene, "prune", 7, 10)
    keeping.delete(scene, 7, 10)


@attack("forge a statement of an erasure, for a reader who agreed to none", "verifier: gone")
def forged_erasure(scene: Scene) -> None:
    """Do by hand what an erasure does."""
    keeping.state(scene, "erase", 7, 8)
    keeping.empty(scene, scene.leaf(7))


@attack("delete a record that a hold keeps, beside a true prune", "verifier: gone", quick=True)
def held(scene: Scene) -> None:
    """Let the prune pass over it, and delete it by hand."""
    scene.options = ALLOWED
    keeping.write_history(scene)
    keeping.hold(scene, "trace-8")
    keeping.prune(scene)
    ((leaf,),) = scene.tamper(
        "SELECT s.leaf_index FROM audit.seals AS s JOIN audit.audit_logs AS l ON l.id = s.record_id"
        " WHERE l.tenant_id = 'acme' AND l.trace_id = 'trace-8' AND s.leaf_index >= %s",
        OLD,
    )
    keeping.delete(scene, leaf, leaf + 1)


@attack("delete one record more than the statement of a prune names", "verifier: gone")
def one_more(scene: Scene) -> None:
    """Delete the neighbour of those that were pruned."""
    scene.options = ALLOWED
    keeping.write_history(scene)
    keeping.prune(scene)
    keeping.delete(scene, OLD - 1, OLD)


@attack("delete the leaf of a prune's statement", "export")
def statement_deleted(scene: Scene) -> None:
    """Take the statement away, once it is sealed and signed."""
    scene.options = ALLOWED
    keeping.write_history(scene)
    keeping.prune(scene)
    scene.go_on()
    scene.tamper("DELETE FROM audit.seals WHERE line LIKE %s", '%"kind":"prune"%')


@attack("leave of a prune's statement its hash alone", "verifier: gone")
def statement_emptied(scene: Scene) -> None:
    """Let it look as if the statement were pruned too."""
    scene.options = ALLOWED
    keeping.write_history(scene)
    keeping.prune(scene)
    scene.tamper("UPDATE audit.seals SET line = NULL WHERE line LIKE %s", '%"kind":"prune"%')


@attack("change the day in a prune's statement", "verifier: root")
def statement_changed(scene: Scene) -> None:
    """Say that it was a century later, when more was due."""
    scene.options = ALLOWED
    keeping.write_history(scene)
    keeping.prune(scene)
    scene.tamper('UPDATE audit.seals SET line = replace(line, \'"at":"20\', \'"at":"21\') WHERE line IS NOT NULL')


@attack("fold a tile by hand without a statement", "verifier: gone", quick=True)
def folded(scene: Scene) -> None:
    """Delete 256 records and their leaves: their common hash stays in audit.seal_nodes."""
    scene.options = ALLOWED
    keeping.delete(scene, 0, 256)
    scene.tamper("DELETE FROM audit.seals WHERE tenant_id = 'acme' AND leaf_index < 256")


@attack("mark a record as erased without a statement", "verifier: gone", quick=True)
def emptied(scene: Scene) -> None:
    """Keep the digest, so that the leaf stays what it is."""
    scene.options = ALLOWED
    keeping.empty(scene, scene.leaf(7))


@attack("change the digest that is left of an erased part", "verifier: root", "verifier: since")
def digest_changed(scene: Scene) -> None:
    """Set another one."""
    scene.options = ALLOWED
    record = scene.leaf(7)
    keeping.erase(scene, record)
    scene.tamper("UPDATE audit.seals SET private_sha256 = sha256('x') WHERE record_id = %s", record)


@attack("put another text and a salt into an erased record", "verifier: root", "verifier: since", quick=True)
def filled(scene: Scene) -> None:
    """Let it look as if it had never been erased."""
    scene.options = ALLOWED
    record = scene.leaf(7)
    keeping.erase(scene, record)
    scene.tamper("UPDATE audit.audit_logs SET user_id = 'somebody', error = 'another' WHERE id = %s", record)
    scene.tamper("UPDATE audit.seals SET salt = sha256('x'), private_sha256 = NULL WHERE record_id = %s", record)


@attack("change a record, and have it erased", "verifier: root")
def changed_then_erased(scene: Scene) -> None:
    """Hope that the erasure covers what was changed. audit.erase_record() refuses, so this is done by hand."""
    scene.options = ALLOWED
    record = scene.leaf(7)
    scene.tamper("UPDATE audit.audit_logs SET error = 'another' WHERE id = %s", record)
    keeping.state(scene, "erase", 7, 8)
    keeping.empty(scene, record)


@attack("take the id of a pruned record, with SQL of its own as the service", "sealer", quick=True)
def pruned_id(scene: Scene) -> None:
    """Pass over the functions, which refuse it. The record gets no leaf."""
    scene.options = ALLOWED
    keeping.write_history(scene)
    record = scene.leaf(OLD)
    keeping.prune(scene)
    with psycopg.connect(scene.cluster.url("audit_app", scene.database)) as service:
        service.execute("SELECT audit.enter_tenant(p_api_key => %s)", [scene.keys["acme"]])
        service.execute(
            "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)"
            " VALUES (%s, 'acme', 'agent', 'LIVE', 'error')",
            [record],
        )
