"""The signer on a real database: what it signs, what it refuses for good, and what a crash leaves behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from app.sign import files, notes
from app.sign.running import RunRefused
from tests.conftest import TestDatabase
from tests.support.polling import eventually
from tests.support.signing import LOG, Sealed, SignerAt
from tests.support.witness import running_witness


def is_signed_by(signer: SignerAt, sealed: Sealed, tenant: str = "acme", epoch: int = 1) -> bool:
    found = sealed.checkpoint(tenant, epoch)
    assert found is not None
    key = notes.key_of(notes.origin_of(LOG, tenant, epoch), files.load(signer.directory).current)
    return found[0].origin == key.name and notes.is_signed(found[0].text, found[1], key)


def test_the_head_of_every_tenant_is_signed_and_stored(sealed: Sealed, signer: SignerAt) -> None:
    assert signer.once() == 0

    for tenant, size in (("acme", 7), ("globex", 3)):
        assert sealed.signed_size(tenant) == signer.known(tenant) == size
        assert is_signed_by(signer, sealed, tenant)


def test_a_tenant_gets_the_checkpoint_of_the_tree_that_it_has(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    with psycopg.connect(sealed.database.url()) as gateway:
        gateway.execute("SELECT audit.set_tenant(p_tenant_id => 'acme')")
        ((note,),) = gateway.execute("SELECT audit.get_checkpoint()").fetchall()
    ((root,),) = sealed.database.execute("SELECT root FROM audit.trees WHERE tenant_id = 'acme'")
    assert notes.parse(note)[0] == notes.Checkpoint(f"{LOG}/acme", 7, root)


def test_a_tree_that_grows_is_signed_again_and_one_that_does_not_is_left_alone(
    sealed: Sealed, signer: SignerAt
) -> None:
    signer.once()
    sealed.append("acme", 5)
    assert signer.once() == 0

    sizes = sealed.database.execute("SELECT tenant_id, size FROM audit.checkpoints ORDER BY tenant_id, size")
    assert sizes == [("acme", 7), ("acme", 12), ("globex", 3)]


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


def test_a_checkpoint_is_stored_with_the_cosignatures_of_its_witnesses(
    sealed: Sealed, signer: SignerAt, tmp_path: Path
) -> None:
    with running_witness("witness.example/w1") as first, running_witness("witness.example/w2") as second:
        signer.more |= {"witnesses_file": first.file(tmp_path / "witnesses.toml", second), "witness_quorum": 2}
        assert signer.once() == 0
        found = sealed.checkpoint()
        assert found is not None
        for witness in (first, second):
            assert notes.is_signed(found[0].text, found[1], witness.vkey)


def test_without_a_quorum_nothing_is_stored_until_the_witnesses_are_back(
    sealed: Sealed, signer: SignerAt, tmp_path: Path
) -> None:
    with running_witness() as witness:
        signer.more |= {"witnesses_file": witness.file(tmp_path / "witnesses.toml"), "witness_quorum": 1}
        witness.when_asked = lambda: (503, "text/plain", b"")
        assert signer.once() == 1
        assert (sealed.signed_size(), signer.refusal()) == (0, "")

        witness.when_asked = lambda: None
        assert signer.once() == 0
        assert sealed.signed_size() == 7


def test_without_a_quorum_asked_for_a_witness_that_is_away_stops_nothing(
    sealed: Sealed, signer: SignerAt, tmp_path: Path
) -> None:
    with running_witness() as witness:
        signer.more["witnesses_file"] = witness.file(tmp_path / "witnesses.toml")
        witness.when_asked = lambda: (503, "text/plain", b"")
        assert signer.once() == 0
    assert sealed.signed_size() == 7


def test_during_a_rotation_a_checkpoint_verifies_with_either_key(sealed: Sealed, signer: SignerAt) -> None:
    before = files.load(signer.directory).current
    with files.locked(signer.directory):
        files.rotate(signer.directory, datetime.now(UTC) + timedelta(days=1))
    assert signer.once() == 0

    found = sealed.checkpoint()
    assert found is not None
    for key in (before, files.load(signer.directory).current):
        assert notes.is_signed(found[0].text, found[1], notes.key_of(f"{LOG}/acme", key))


def last_signed(signer: SignerAt) -> dict[str, object]:
    memory = signer.memory()
    memory.close()
    known = memory.known["acme"][1]
    return {"size": known.size, "root": known.root.hex()}


def test_an_epoch_whose_statement_names_the_last_signed_head_is_signed(sealed: Sealed, signer: SignerAt) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    signer.once()
    sealed.restore()
    assert signer.once() == 1
    sealed.begin_epoch("acme", 2, last_signed(signer))
    sealed.append("acme", 0)

    assert signer.once() == 1  # the refusal of the first epoch is there for the operator to end
    assert sealed.signed_size(epoch=2) == 1
    assert is_signed_by(signer, sealed, epoch=2)
    signer.command("resume", "--tenant", "acme")
    assert signer.once() == 0
    assert sealed.signed_size() == 0  # twelve were signed; the closed tree of seven leaves never is


def test_an_epoch_that_hides_what_was_signed_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    signer.once()
    sealed.restore()
    sealed.begin_epoch("acme", 2, None)

    assert signer.once() == 1
    assert "says that nothing of epoch 1 was known as signed" in signer.refusal(epoch=2)
    assert sealed.signed_size(epoch=2) == 0


def test_the_last_head_of_a_closed_epoch_is_signed_after_the_epoch_that_follows(
    sealed: Sealed, signer: SignerAt
) -> None:
    signer.once()
    known = last_signed(signer)
    sealed.append("acme", 5)
    sealed.begin_epoch("acme", 2, known)

    assert signer.once() == 0
    assert sealed.signed_size(epoch=2) == 1
    assert signer.once() == 0
    assert sealed.signed_size(epoch=1) == 12


def test_each_checkpoint_is_published_after_it_was_stored(sealed: Sealed, signer: SignerAt, tmp_path: Path) -> None:
    signer.more["publish_directory"] = tmp_path / "outside"
    signer.once()
    ((note,),) = sealed.database.execute("SELECT note FROM audit.checkpoints WHERE tenant_id = 'acme'")
    assert (tmp_path / "outside" / LOG / "acme" / "7").read_text() == note


def test_what_could_not_be_published_is_published_by_the_next_run(
    sealed: Sealed, signer: SignerAt, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text("a file where a directory should be")
    signer.more["publish_directory"] = tmp_path / "outside"
    assert signer.once() == 1
    assert sealed.signed_size() == 7

    (tmp_path / "outside").unlink()
    assert signer.once() == 0
    assert {each.name for each in (tmp_path / "outside" / LOG).iterdir()} == {"acme", "globex"}


@contextmanager
def running_signer(signer: SignerAt) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "app.sign", "run"], env=signer.environment(), cwd=signer.directory.parent,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_running_signer_signs_a_new_head_within_two_seconds_and_stops_when_told(
    sealed: Sealed, signer: SignerAt
) -> None:
    with running_signer(signer) as process:
        eventually(lambda: sealed.signed_size() == 7)
        sealed.append("acme", 5)
        began = time.monotonic()
        eventually(lambda: sealed.signed_size() == 12)
        assert time.monotonic() - began < 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_running_signer_outlives_an_outage(sealed: Sealed, signer: SignerAt, database: TestDatabase) -> None:
    with running_signer(signer) as process:
        eventually(lambda: sealed.signed_size() == 7)
        database.go_down()
        printed = process.stderr
        assert printed
        eventually(lambda: b"the heads cannot be read" in os.read(printed.fileno(), 65536))
        database.come_up()
        sealed.append("acme", 5)
        eventually(lambda: sealed.signed_size() == 12)


def test_a_second_signer_with_the_same_directory_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    with running_signer(signer):
        eventually(lambda: sealed.signed_size() == 7)
        refused = signer.command("run", "--once")
        assert (refused.returncode, "a signer runs with" in refused.stderr) == (1, True)
        assert signer.command("rotate").returncode == 1
    assert signer.command("run", "--once").returncode == 0


def remembers(signer: SignerAt, size: int) -> bool:
    return signer.known() == size


def test_a_signer_that_is_killed_while_it_signs_goes_on_from_its_memory(sealed: Sealed, signer: SignerAt) -> None:
    for size in (10, 13, 16, 19, 22):
        with running_signer(signer) as process:
            sealed.append("acme", 3)
            eventually(partial(remembers, signer, size))
            process.kill()
            process.wait()
        assert sealed.signed_size() <= signer.known()
    assert signer.once() == 0
    assert sealed.signed_size() == signer.known() == 22


def test_a_login_that_is_no_signer_stores_and_reads_nothing(sealed: Sealed, signer: SignerAt) -> None:
    signer.url = sealed.database.url("audit_app")
    with pytest.raises(RunRefused, match="permission denied"):
        signer.once()
    assert sealed.signed_size() == 0
