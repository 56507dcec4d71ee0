"""The signer's directory: its keys, their rotation, and one process at a time."""

import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.sign import files
from app.sign.files import BadDirectory


def later(**time: int) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "signer"
    files.create(found, "ringfence.example")
    return found


def test_a_new_key_is_for_its_owner_alone_and_openssl_reads_it(directory: Path) -> None:
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "key.pem").stat().st_mode) == 0o600
    read = subprocess.run(
        ["openssl", "pkey", "-in", "key.pem", "-noout", "-text"], cwd=directory, capture_output=True, check=False
    )
    assert b"ED25519" in read.stdout


def test_a_key_is_never_replaced(directory: Path) -> None:
    before = (directory / "key.pem").read_bytes()
    with pytest.raises(BadDirectory, match="a key is never replaced"):
        files.create(directory, "ringfence.example")
    assert (directory / "key.pem").read_bytes() == before


def test_a_key_that_others_can_read_is_refused(directory: Path) -> None:
    assert files.load(directory).log_name == "ringfence.example"
    (directory / "key.pem").chmod(0o640)
    with pytest.raises(BadDirectory, match="can be read by others"):
        files.load(directory)


@pytest.mark.parametrize("content", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused_without_repeating_it(directory: Path, content: str) -> None:
    (directory / "key.pem").write_text(content)
    with pytest.raises(BadDirectory, match="is no private key") as refusal:
        files.load(directory)
    assert "AAAA" not in str(refusal.value)


def test_a_key_of_another_kind_is_refused(directory: Path) -> None:
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        capture_output=True,
        check=True,
    )
    (directory / "key.pem").write_bytes(made.stdout)
    with pytest.raises(BadDirectory, match="is no Ed25519 key"):
        files.load(directory)


def test_one_process_at_a_time_has_the_directory(directory: Path) -> None:
    with files.locked(directory), pytest.raises(BadDirectory, match="a signer runs"), files.locked(directory):
        pass
    with files.locked(directory):
        pass


def test_after_a_rotation_both_keys_sign_and_then_the_new_one_alone(directory: Path) -> None:
    before = files.load(directory).current
    files.rotate(directory, later(days=30))

    keys = files.load(directory)
    assert keys.current.public_key() != before.public_key()
    both = keys.at(later(days=29))
    assert [each.public_key() for each in both] == [keys.current.public_key(), before.public_key()]
    assert keys.at(later(days=31)) == [keys.current]
    assert stat.S_IMODE((directory / "previous-key.pem").stat().st_mode) == 0o600


def test_a_second_rotation_waits_for_the_end_of_the_first(directory: Path) -> None:
    files.rotate(directory, later(days=30))
    second = files.load(directory).current
    with pytest.raises(BadDirectory, match="two keys sign already"):
        files.rotate(directory, later(days=60))
    assert files.load(directory).current.public_key() == second.public_key()


def test_the_key_before_is_deleted_once_it_signs_no_more(directory: Path) -> None:
    files.rotate(directory, later(days=30))
    files.forget_previous(directory)
    assert (directory / "previous-key.pem").exists()

    (directory / "previous-key.pem").unlink()
    files.rotate(directory, later(seconds=-1))
    files.forget_previous(directory)
    assert not (directory / "previous-key.pem").exists()
    assert files.load(directory).previous is None


@pytest.mark.parametrize("step", ["write", "replace", "log"])
def test_a_rotation_that_breaks_off_leaves_the_old_key_signing(
    directory: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = files.load(directory).current
    calls = {"write": "_pem", "replace": "_replace", "log": "_write_log"}

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, calls[step], crash)
        with pytest.raises(KeyboardInterrupt):
            files.rotate(directory, later(days=30))
    assert [each.public_key() for each in files.load(directory).at(later())] == [before.public_key()]
    files.rotate(directory, later(days=30))
    assert len(files.load(directory).at(later())) == 2


def test_a_rotation_that_breaks_off_before_its_last_step_can_be_done_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files.load(directory).current
    real = Path.replace

    def crash(self: Path, target: Path) -> Path:
        if target.name == "key.pem":
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            files.rotate(directory, later(days=30))
    assert files.load(directory).at(later())[0].public_key() == before.public_key()
    files.rotate(directory, later(days=30))
    assert files.load(directory).at(later())[1].public_key() == before.public_key()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_directory_of_somebody_else_gets_no_key(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(BadDirectory, match="belongs to somebody else"):
        files.create(tmp_path, "ringfence.example")
    assert not list(tmp_path.iterdir())
