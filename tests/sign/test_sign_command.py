"""python -m app.sign as a process: its commands that need no database, and what it refuses, in one line."""

import json
import re
from pathlib import Path

import pytest

from app.sign import notes
from app.sign.heads import Known
from app.sign.settings import SignerSettings
from tests.support.signing import SignerAt


@pytest.fixture
def command(tmp_path: Path) -> SignerAt:
    """The command, with a directory that is not there yet."""
    return SignerAt(tmp_path / "signer", "")


@pytest.fixture
def made(command: SignerAt) -> SignerAt:
    """The command, with a key."""
    assert command.command("init", "--name", "ringfence.example").returncode == 0
    return command


def printed(command: SignerAt, *arguments: str) -> str:
    done = command.command(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(command: SignerAt, *arguments: str) -> str:
    """Return the one line of a refusal."""
    done = command.command(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def test_help_names_every_variable(command: SignerAt) -> None:
    text = printed(command, "--help")
    for name in SignerSettings.model_fields:
        assert f"  {name.upper()} (default: " in text


def test_a_key_is_made_once(command: SignerAt) -> None:
    printed(command, "init", "--name", "ringfence.example")
    assert "a key is never replaced" in refused(command, "init", "--name", "ringfence.example")
    assert "a memory is never replaced" in refused(command, "init", "--new-memory")


def test_a_log_without_a_good_name_gets_no_key(command: SignerAt) -> None:
    assert "the log's name is a host name" in refused(command, "init", "--name", "https://ringfence.example")
    assert not command.directory.exists()


def test_without_a_key_every_command_says_how_to_make_one(command: SignerAt) -> None:
    for arguments in (["vkey", "--tenant", "acme"], ["known"], ["rotate"]):
        assert "init" in refused(command, *arguments)


def test_a_tenant_s_key_is_printed_for_its_origin(made: SignerAt) -> None:
    key = notes.parse_vkey(printed(made, "vkey", "--tenant", "acme").strip())
    assert key.name == "ringfence.example/acme"
    other = notes.parse_vkey(printed(made, "vkey", "--tenant", "acme", "--epoch", "2").strip())
    assert (other.name, other.public) == ("ringfence.example/acme/2", key.public)


@pytest.mark.parametrize("tenant", ["acme/2", "Acme", "", "a b", "x" * 64])
def test_a_tenant_that_none_can_be_has_no_key(made: SignerAt, tenant: str) -> None:
    done = made.command("vkey", "--tenant", tenant)
    assert (done.returncode, done.stdout) == (2, "")


def test_what_is_known_is_printed_for_a_new_epoch(made: SignerAt) -> None:
    assert json.loads(printed(made, "known")) == []
    memory = made.memory()
    memory.remember([("acme", 1, Known(7, bytes(32))), ("acme", 2, Known(1, bytes([1]) * 32))])
    memory.close()
    assert json.loads(printed(made, "known")) == [
        {"tenant_id": "acme", "epoch": 1, "size": 7, "root": "00" * 32},
        {"tenant_id": "acme", "epoch": 2, "size": 1, "root": "01" * 32},
    ]


def test_a_rotation_is_said_in_a_note_that_the_old_key_has_signed(made: SignerAt) -> None:
    old = notes.parse_vkey(printed(made, "vkey", "--tenant", "acme").strip())
    assert "no rotation is going on" in refused(made, "vkey", "--tenant", "acme", "--rotation")
    printed(made, "rotate", "--overlap-days", "30")

    new = printed(made, "vkey", "--tenant", "acme").strip()
    text, _, signature = printed(made, "vkey", "--tenant", "acme", "--rotation").partition("\n\n")
    assert text.split("\n")[:3] == ["ringfence.example/acme", "is signed with a new key", new]
    assert re.fullmatch(r"the key below signs until \d{4}-\d\d-\d\d", text.split("\n")[3])
    assert notes.is_signed(f"{text}\n", notes.parse_signatures(signature), old)
    assert "two keys sign already" in refused(made, "rotate")


def test_the_note_of_a_rotation_is_no_checkpoint(made: SignerAt) -> None:
    printed(made, "rotate")
    with pytest.raises(notes.BadNote):
        notes.parse(printed(made, "vkey", "--tenant", "acme", "--rotation"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signer_database_url", "mysql://x"), ("publish_webhook_url", "http://outside.example"),
        ("publish_store_url", "https://a:b@store.example"), ("tsa_url", "ftp://tsa.example"), ("witness_quorum", "-1"),
        ("signer_interval", "0"), ("witness_timeout", "nan"), ("publish_authorization", "line\nline"),
    ],
)  # fmt: skip
def test_a_variable_that_cannot_be_understood_is_named_and_not_repeated(made: SignerAt, name: str, value: str) -> None:
    made.more[name] = value
    line = refused(made, "known")
    assert line.startswith(f"{name.upper()}: ")
    assert len(value) < 4 or value not in line


def test_a_quorum_of_more_witnesses_than_there_are_is_refused(made: SignerAt) -> None:
    made.url = "postgresql://nobody@localhost:1/none"
    made.more["witness_quorum"] = 1
    assert refused(made, "run", "--once").startswith("WITNESS_QUORUM: 1, and there are 0 witnesses")


def test_a_database_that_cannot_be_reached_is_named_by_its_variable(made: SignerAt) -> None:
    assert "SIGNER_DATABASE_URL" in refused(made, "run", "--once")
    made.url = "postgresql://nobody:s3cret@localhost:1/none"
    line = refused(made, "run", "--once")
    assert line.startswith("SIGNER_DATABASE_URL: ")
    assert "s3cret" not in line
