"""RFC 3161 time-stamps of checkpoints, by an authority that openssl plays, and verified by openssl too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.sign import notes
from app.sign.notes import BadNote, Checkpoint
from app.sign.settings import SignerSettings
from app.sign.stamping import StampFailed, stamp
from tests.support.tsa import StubAuthority, running_authority


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[StubAuthority]:
    with running_authority(tmp_path) as found:
        yield found


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    text = Checkpoint("ringfence.example/acme", 7, bytes(32)).text
    file = tmp_path / "7"
    file.write_text(f"{text}\n{notes.sign(text, 'ringfence.example/acme', Ed25519PrivateKey.generate())}")
    return file


def settings(authority: StubAuthority, roots: Path | None = None) -> SignerSettings:
    return SignerSettings(tsa_url=authority.url, tsa_roots_file=roots or authority.root)


def test_a_checkpoint_is_stamped_and_openssl_verifies_the_stamp(authority: StubAuthority, checkpoint: Path) -> None:
    stamp(settings(authority), checkpoint, checkpoint.with_name("7.tsr"))

    verify = "openssl ts -verify -in 7.tsr -data 7 -CAfile root.pem"
    assert authority.run(verify) == 0
    checkpoint.write_text(checkpoint.read_text().replace("\n7\n", "\n8\n"))
    assert authority.run(verify) != 0


def test_a_stamp_of_another_checkpoint_is_refused(authority: StubAuthority, checkpoint: Path) -> None:
    other = checkpoint.with_name("other")
    other.write_text(checkpoint.read_text().replace("\n7\n", "\n8\n"))
    stamp(settings(authority), other, checkpoint.with_name("other.tsr"))
    authority.instead = (200, checkpoint.with_name("other.tsr").read_bytes())

    with pytest.raises(StampFailed, match="is no time-stamp of this checkpoint"):
        stamp(settings(authority), checkpoint, checkpoint.with_name("7.tsr"))
    assert not checkpoint.with_name("7.tsr").exists()


def test_a_stamp_that_leads_to_another_root_is_refused(
    authority: StubAuthority, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        running_authority(tmp_path_factory.mktemp("other")) as other,
        pytest.raises(StampFailed, match="is no time-stamp"),
    ):
        stamp(settings(authority, other.root), checkpoint, checkpoint.with_name("7.tsr"))


@pytest.mark.parametrize("instead", [(500, b""), (200, b""), (200, b"nonsense")])
def test_another_answer_is_no_stamp(authority: StubAuthority, checkpoint: Path, instead: tuple[int, bytes]) -> None:
    authority.instead = instead
    with pytest.raises(StampFailed):
        stamp(settings(authority), checkpoint, checkpoint.with_name("7.tsr"))


def test_a_file_that_is_no_checkpoint_is_not_stamped(authority: StubAuthority, checkpoint: Path) -> None:
    checkpoint.write_text("something else")
    with pytest.raises(BadNote):
        stamp(settings(authority), checkpoint, checkpoint.with_name("7.tsr"))
    assert authority.asked == []


def test_a_stamp_needs_an_authority_and_roots(checkpoint: Path) -> None:
    with pytest.raises(StampFailed, match="set TSA_URL and TSA_ROOTS_FILE"):
        stamp(SignerSettings(), checkpoint, checkpoint.with_name("7.tsr"))
