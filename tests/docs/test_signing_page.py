"""The commands of docs/signing.md, run as they stand there, on a database with sealed records."""

import json
import shutil
from collections.abc import Iterator

import pytest

from app.sign import notes
from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.shell import Shell
from tests.support.signing import Sealed


@pytest.fixture
def sealed(database: TestDatabase) -> Iterator[Sealed]:
    found = Sealed(database)
    found.append("acme", 7)
    yield found
    database.execute("DROP ROLE IF EXISTS signer")


@pytest.fixture
def set_up(shell: Shell, sealed: Sealed) -> str:
    """Run the commands of the first section; return what they print."""
    login, first = pages.commands("docs/signing.md", "Set up")
    shell.run(login)
    shell.variables["SIGNER_DATABASE_URL"] = sealed.database.url("signer")
    return shell.run(first)


def test_a_signer_is_set_up_and_prints_what_is_shown(sealed: Sealed, set_up: str) -> None:
    (shown,) = pages.shown("docs/signing.md", "Set up")
    printed = set_up.splitlines()
    assert printed[0] == shown.splitlines()[0]
    assert notes.parse_vkey(printed[1]).name == notes.parse_vkey(shown.splitlines()[1]).name
    assert sealed.signed_size() == 7


@pytest.mark.usefixtures("set_up")
def test_what_is_known_is_kept_for_an_epoch_and_a_refusal_is_ended(shell: Shell) -> None:
    (block,) = pages.commands("docs/signing.md", "What is refused")
    assert "refusals ended" in shell.run(block)
    ((size, epoch),) = [(each["size"], each["epoch"]) for each in json.loads((shell.folder / "known.json").read_text())]
    assert (size, epoch) == (7, 1)


@pytest.mark.usefixtures("set_up")
def test_a_memory_that_was_rolled_back_goes_on_from_the_copy_outside(shell: Shell, sealed: Sealed) -> None:
    once = ".venv/bin/python -m app.sign run --once"
    directory = shell.folder / ".data" / "signer"
    shutil.copytree(directory, shell.folder / "copy")
    sealed.append("acme", 5)
    shell.variables["PUBLISH_DIRECTORY"] = "outside"
    shell.run(once)
    shutil.rmtree(directory)
    (shell.folder / "copy").rename(directory)
    shell.run(once, status=1)

    (block,) = pages.commands("docs/signing.md", "A memory that was lost or rolled back")
    assert shell.run(block).startswith("1 adopted")
    shell.run(once)


@pytest.mark.usefixtures("set_up")
def test_the_key_is_replaced(shell: Shell, sealed: Sealed) -> None:
    (block,) = pages.commands("docs/signing.md", "Replace the key")
    _, vkey, *note = shell.run(block).splitlines()
    assert note[2] == vkey
    sealed.append("acme", 1)
    shell.run(".venv/bin/python -m app.sign run --once")
    found = sealed.checkpoint()
    assert found is not None
    assert len(found[1]) == 2
    assert notes.is_signed(found[0].text, found[1], notes.parse_vkey(vkey))
