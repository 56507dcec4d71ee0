"""The signer's memory: written at once, never backwards, and never made where it was lost."""

import sqlite3
import stat
from pathlib import Path

import pytest

from app.sign.files import BadDirectory
from app.sign.heads import Known
from app.sign.memory import Memory, Stored

ROOT, OTHER = bytes(32), bytes([1]) * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "heads.sqlite"
    Memory(found, create=True).close()
    return found


def test_what_is_remembered_is_there_after_a_restart(file: Path) -> None:
    Memory(file).remember([("acme", 1, Known(7, ROOT)), ("acme", 2, Known(1, OTHER)), ("globex", 1, Known(3, ROOT))])

    assert Memory(file).known == {"acme": {1: Known(7, ROOT), 2: Known(1, OTHER)}, "globex": {1: Known(3, ROOT)}}


def test_the_file_is_for_its_owner_alone(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_head_grows_or_stays_and_never_goes_back(file: Path) -> None:
    memory = Memory(file)
    memory.remember([("acme", 1, Known(7, ROOT))])
    memory.remember([("acme", 1, Known(7, ROOT))])
    for back in (Known(6, ROOT), Known(7, OTHER)):
        with pytest.raises(ValueError, match="epoch 1 of acme would go back"):
            memory.remember([("acme", 1, back)])
    memory.remember([("acme", 1, Known(8, OTHER))])

    assert Memory(file).known["acme"] == {1: Known(8, OTHER)}


def test_heads_are_remembered_all_or_none(file: Path) -> None:
    memory = Memory(file)
    memory.remember([("acme", 1, Known(7, ROOT))])
    with pytest.raises(ValueError, match="would go back"):
        memory.remember([("globex", 1, Known(3, ROOT)), ("acme", 1, Known(6, ROOT))])

    assert "globex" not in memory.known
    assert "globex" not in Memory(file).known


def test_a_refusal_lasts_until_it_is_ended_and_what_was_signed_stays(file: Path) -> None:
    memory = Memory(file)
    memory.remember([("acme", 1, Known(7, ROOT))])
    memory.refuse("acme", 1, "leaves are gone")
    memory.refuse("globex", 1, "leaves are gone")

    again = Memory(file)
    assert again.refusals == {("acme", 1): "leaves are gone", ("globex", 1): "leaves are gone"}
    assert again.allow("acme") == 1
    assert again.known == {"acme": {1: Known(7, ROOT)}}
    assert Memory(file).refusals == {("globex", 1): "leaves are gone"}


def test_a_stored_checkpoint_is_unpublished_until_it_is_noted(file: Path) -> None:
    memory = Memory(file)
    memory.remember([("acme", 1, Known(7, ROOT))])
    assert memory.unpublished() == []
    stored = Stored("acme", 1, 7, "note")
    memory.note_stored([stored])

    assert Memory(file).unpublished() == [stored]
    memory.note_published([stored])
    assert Memory(file).unpublished() == []
    memory.note_published([Stored("acme", 1, 5, "older")])
    assert Memory(file).unpublished() == []


def test_a_memory_that_is_missing_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(BadDirectory, match="is missing: restore it"):
        Memory(tmp_path / "heads.sqlite")
    assert not list(tmp_path.iterdir())


def test_another_file_is_no_memory(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("something else, longer than a header of SQLite" * 10)
    with pytest.raises(BadDirectory):
        Memory(tmp_path / "text")
    sqlite3.connect(tmp_path / "empty").close()
    with pytest.raises(BadDirectory, match="is no memory of this signer"):
        Memory(tmp_path / "empty")
