"""The signer on a database or with a memory that went back: what it refuses, and how it goes on."""

import shutil
from pathlib import Path

import pytest

from app.sign import files, notes
from tests.support.signing import LOG, Sealed, SignerAt
from tests.support.witness import running_witness


def test_a_tree_that_has_shrunk_is_refused_and_the_others_are_signed(sealed: Sealed, signer: SignerAt) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    signer.once()
    sealed.restore()
    sealed.append("globex", 1)

    assert signer.once() == 1
    assert "the tree has 7 leaves, and 12 were signed" in signer.refusal()
    assert sealed.signed_size("globex") == 4


def test_a_tree_whose_signed_leaves_were_rewritten_is_refused_for_good(sealed: Sealed, signer: SignerAt) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    signer.once()
    sealed.restore()
    sealed.append("acme", 9)

    assert signer.once() == 1
    assert "the first 12 of the tree's 16 leaves are not those that were signed" in signer.refusal()
    sealed.append("acme", 1)
    assert signer.once() == 1
    assert sealed.signed_size() == 0  # the restored backup has none


def test_a_tree_that_was_deleted_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    for table in ("checkpoints", "seals", "trees"):
        sealed.tamper(f"DELETE FROM audit.{table} WHERE tenant_id = 'acme'")

    assert signer.once() == 1
    assert "epoch 1 of acme was signed, and the database has no tree" in signer.refusal()


def test_a_refusal_ends_when_its_cause_is_gone_and_the_operator_says_so(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.append("acme", 5)
    sealed.back_up()
    sealed.database.execute("UPDATE audit.trees SET root = sha256('forged') WHERE tenant_id = 'acme'")
    assert signer.once() == 1
    sealed.restore()
    assert signer.once() == 1  # the operator has not acted yet

    assert signer.command("resume", "--tenant", "acme").returncode == 0
    assert signer.once() == 0
    assert sealed.signed_size() == 12


def test_resuming_does_not_make_a_forged_tree_good(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.append("acme", 5)
    sealed.database.execute("UPDATE audit.trees SET root = sha256('forged') WHERE tenant_id = 'acme'")
    signer.once()
    signer.command("resume", "--tenant", "acme")
    assert signer.once() == 1
    assert signer.refusal()


@pytest.fixture
def nothing_is_stored(sealed: Sealed) -> str:
    """The signer signs, and stores nothing, as if it crashed in between."""
    sealed.database.execute("REVOKE EXECUTE ON FUNCTION audit.store_checkpoint FROM audit_signer")
    return "GRANT EXECUTE ON FUNCTION audit.store_checkpoint TO audit_signer"


def test_what_was_signed_before_a_crash_is_stored_after_it(
    sealed: Sealed, signer: SignerAt, nothing_is_stored: str
) -> None:
    assert signer.once() == 1
    assert (signer.known(), sealed.signed_size()) == (7, 0)

    sealed.database.execute(nothing_is_stored)
    assert signer.once() == 0
    assert sealed.signed_size() == 7
    assert signer.refusal() == ""


def test_a_head_that_was_signed_before_a_crash_and_that_the_database_lost_is_refused(
    sealed: Sealed, signer: SignerAt, nothing_is_stored: str
) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    assert signer.once() == 1
    sealed.restore()
    sealed.database.execute(nothing_is_stored)

    assert signer.once() == 1
    assert "the tree has 7 leaves, and 12 were signed" in signer.refusal()


@pytest.fixture
def rolled_back(sealed: Sealed, signer: SignerAt, tmp_path: Path) -> Path:
    """A signer whose directory is that of seven leaves, and a database with a checkpoint of twelve; where that is."""
    signer.more["publish_directory"] = tmp_path / "outside"
    signer.once()
    shutil.copytree(signer.directory, tmp_path / "copy")
    sealed.append("acme", 5)
    signer.once()
    shutil.rmtree(signer.directory)
    (tmp_path / "copy").rename(signer.directory)
    return tmp_path / "outside"


def test_a_memory_that_was_rolled_back_is_noticed(sealed: Sealed, signer: SignerAt, rolled_back: Path) -> None:
    assert rolled_back.exists()
    assert signer.once() == 1
    assert "a checkpoint of 12 leaves, and this memory ends at 7" in signer.refusal()
    assert sealed.signed_size("globex") == 3


def test_a_memory_that_was_rolled_back_goes_on_from_the_copy_outside(
    sealed: Sealed, signer: SignerAt, rolled_back: Path
) -> None:
    signer.once()
    adopted = signer.command("adopt", rolled_back)
    assert (adopted.returncode, adopted.stdout) == (0, "1 adopted; 2 were older than the memory\n")
    signer.command("resume", "--tenant", "acme")
    sealed.append("acme", 1)

    assert signer.once() == 0
    assert sealed.signed_size() == 13


def test_a_lost_memory_signs_nothing_until_the_copy_outside_is_adopted(signer: SignerAt, rolled_back: Path) -> None:
    files.memory_file(signer.directory).unlink()
    with pytest.raises(files.BadDirectory, match="is missing"):
        signer.once()
    assert signer.command("init", "--new-memory").returncode == 0
    assert signer.once() == 1
    assert "this memory ends at 0" in signer.refusal("globex")

    signer.command("adopt", rolled_back)
    for tenant in ("acme", "globex"):
        signer.command("resume", "--tenant", tenant)
    assert signer.once() == 0


def test_a_checkpoint_of_another_key_is_not_adopted(sealed: Sealed, signer: SignerAt, rolled_back: Path) -> None:
    note = (rolled_back / LOG / "acme" / "12").read_text()
    checkpoint, _ = notes.parse(note)
    other = signer.directory.with_name("other")
    files.create(other, LOG)
    forged = f"{checkpoint.text}\n{notes.sign(checkpoint.text, checkpoint.origin, files.load(other).current)}"
    (signer.directory.parent / "forged").write_text(forged)
    file = signer.directory.parent / "forged"

    refused = signer.command("adopt", file)
    assert (refused.returncode, signer.known()) == (1, 7)
    assert "no signature of this signer's keys" in refused.stderr
    vkey = notes.key_of("any.example", files.load(other).current)
    assert signer.command("adopt", file, "--key", str(vkey)).returncode == 0
    assert signer.known() == 12
    assert sealed.signed_size() == 12


def test_memory_and_database_that_went_back_together_are_caught_by_the_witness(
    sealed: Sealed, signer: SignerAt, tmp_path: Path
) -> None:
    with running_witness() as witness:
        signer.more["witnesses_file"] = witness.file(tmp_path / "witnesses.toml")
        signer.once()
        sealed.back_up()
        shutil.copytree(signer.directory, tmp_path / "copy")
        sealed.append("acme", 5)
        assert signer.once() == 0
        sealed.restore()
        shutil.rmtree(signer.directory)
        (tmp_path / "copy").rename(signer.directory)
        sealed.append("acme", 2)
        sealed.append("globex", 1)

        assert signer.once() == 1
        assert "witness w1 has cosigned 12 leaves, and this memory and the database end at 9" in signer.refusal()
        assert (sealed.signed_size("globex"), sealed.signed_size()) == (4, 7)
