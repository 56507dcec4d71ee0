"""Attacks on the signer, and by somebody who has its key."""

import shutil

from app.sign import files, notes
from app.sign.memory import Memory
from tests.support.signing import LOG
from tests.tamper import moves, on_trees
from tests.tamper.case import attack
from tests.tamper.scene import Scene


def _forget(scene: Scene) -> None:
    file = files.memory_file(scene.folder / "signer")
    file.unlink()
    Memory(file, create=True).close()


def _sign_by_hand(scene: Scene, directory: str) -> None:
    """Sign the head of acme with the key of this directory, past the signer's program."""
    ((size, root),) = scene.tamper("SELECT size, root FROM audit.trees WHERE tenant_id = 'acme'")
    name = notes.origin_of(LOG, "acme", 1)
    text = notes.Checkpoint(name, size, root).text
    note = f"{text}\n{notes.sign(text, name, files.load(scene.folder / directory).current)}"
    scene.tamper("DELETE FROM audit.checkpoints WHERE tenant_id = 'acme'")
    scene.tamper("INSERT INTO audit.checkpoints VALUES ('acme', 1, %s, %s, %s, now())", size, root, note)
    scene.goes_on = False


@attack("sign with another key", "verifier: signature", quick=True)
def another_key(scene: Scene) -> None:
    """Sign a rewritten tree with a key that the tenant does not know."""
    on_trees.rewrite(scene)
    files.create(scene.folder / "forger", LOG)
    _sign_by_hand(scene, "forger")


@attack("rewrite the tree and sign it with the true key", "verifier: since", quick=True)
def true_key(scene: Scene) -> None:
    """Be the operator of the database and of the signer."""
    on_trees.rewrite(scene)
    _sign_by_hand(scene, "signer")


@attack(
    "sign a fork with the true key, for a tenant who has kept the key of a witness alone",
    "verifier: witnesses",
    quick=True,
)
def true_key_past_the_witness(scene: Scene) -> None:
    """Show a fork that the witness was not asked about."""
    with scene.witnessed():
        scene.go_on()
    (scene.outside / "acme.txt").unlink()
    true_key(scene)


@attack("sign a fork with the true key, and ask the witness for its signature", "witness", "verifier: witnesses")
def true_key_before_the_witness(scene: Scene) -> None:
    """Show the fork to the witness, with a signer that has forgotten everything."""
    with scene.witnessed():
        scene.go_on()
        (scene.outside / "acme.txt").unlink()
        on_trees.rewrite(scene)
        scene.tamper("DELETE FROM audit.checkpoints WHERE tenant_id = 'acme'")
        _forget(scene)
        scene.sign()
        _sign_by_hand(scene, "signer")


@attack("list two heads of one tree, for both to be signed", "signer", quick=True)
def two_heads(scene: Scene) -> None:
    """Replace the functions that list what there is to sign, and take what was signed."""
    scene.goes_on = False
    scene.tamper(
        """
        CREATE OR REPLACE FUNCTION audit.list_tree_heads()
        RETURNS TABLE (tenant_id text, epoch int, size bigint, root bytea, checkpoint_size bigint)
        LANGUAGE sql SECURITY DEFINER AS $$
            SELECT t.tenant_id, t.epoch, t.size, t.root, t.size FROM audit.trees AS t
            UNION ALL VALUES ('newt', 1, 5::bigint, sha256('A'), NULL::bigint), ('newt', 1, 6, sha256('B'), NULL) $$;
        ALTER FUNCTION audit.list_tree_heads() OWNER TO postgres;
        CREATE OR REPLACE FUNCTION audit.store_checkpoint(
            p_tenant_id text, p_epoch int, p_size bigint, p_root bytea, p_note text)
        RETURNS void LANGUAGE sql AS ''
        """
    )
    scene.sign()


@attack("roll the signer's memory back", "signer", quick=True)
def memory_back(scene: Scene) -> None:
    """Restore an older copy of its directory."""
    shutil.copytree(scene.folder / "signer", scene.folder / "older")
    scene.go_on()
    shutil.rmtree(scene.folder / "signer")
    (scene.folder / "older").rename(scene.folder / "signer")


@attack("roll the signer's memory and the database back", "verifier: since")
def everything_back(scene: Scene) -> None:
    """Restore both, as they were at one time; the copy outside is newer."""
    shutil.copytree(scene.folder / "signer", scene.folder / "older")
    dump = moves.dump(scene)
    scene.write(10)
    scene.go_on()
    scene.keep()
    moves.restore(scene, dump)
    shutil.rmtree(scene.folder / "signer")
    (scene.folder / "older").rename(scene.folder / "signer")


@attack("roll both back where a witness has seen more", "witness")
def everything_back_before_a_witness(scene: Scene) -> None:
    """Restore both, and sign on."""
    with scene.witnessed():
        shutil.copytree(scene.folder / "signer", scene.folder / "older")
        dump = moves.dump(scene)
        scene.write(10)
        scene.go_on()
        moves.restore(scene, dump)
        shutil.rmtree(scene.folder / "signer")
        (scene.folder / "older").rename(scene.folder / "signer")
        scene.go_on()
    scene.witness = None
