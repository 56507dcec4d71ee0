"""The signer on a real database: what it signs, with whom, and where it sends it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from app.sign import files, notes
from app.sign.running import RunRefused
from tests.support.signing import LOG, Sealed, SignerAt
from tests.support.witness import running_witness


def test_the_head_of_every_tenant_is_signed_and_stored(sealed: Sealed, signer: SignerAt) -> None:
    assert signer.once() == 0

    for tenant, size in (("acme", 7), ("globex", 3)):
        assert sealed.signed_size(tenant) == signer.known(tenant) == size
        assert signer.has_signed(sealed, tenant)


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


def test_a_login_that_is_no_signer_stores_and_reads_nothing(sealed: Sealed, signer: SignerAt) -> None:
    signer.url = sealed.database.url("audit_app")
    with pytest.raises(RunRefused, match="permission denied"):
        signer.once()
    assert sealed.signed_size() == 0
