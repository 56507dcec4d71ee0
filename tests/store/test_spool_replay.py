"""An outage of the database: which spooled records are in the database afterwards, and which never will be."""

import stat
from pathlib import Path

import pytest

from tests.conftest import Serve, TestDatabase
from tests.support.bank import Bank, record
from tests.support.calls import assert_problem
from tests.support.polling import eventually
from tests.support.spool_directory import FILE, query, spooled_lines


def test_a_record_that_is_refused_for_good_is_a_dead_letter_and_holds_up_nothing(bank: Bank) -> None:
    bank.be_known()
    taken = record()
    assert bank.send(taken).status_code == 201
    bank.lose_database()
    other = taken | {"status": "error"}
    assert bank.send(other).json()["stored"] == "spool"
    assert bank.send(taken).json()["stored"] == "spool"  # the very same record: a repetition
    later = bank.execute().json()["id"]

    bank.get_database_back()

    assert later in bank.stored()
    (dead,) = bank.dead_letters()
    assert (dead["id"], dead["status"]) == (taken["id"], "error")
    assert dead["refused"]["sqlstate"] == "RF004"
    assert stat.S_IMODE((bank.directory / FILE).stat().st_mode) == 0o600


def test_records_of_a_key_that_was_revoked_before_are_not_stored(bank: Bank) -> None:
    bank.be_known()
    bank.database.execute("SELECT audit.revoke_api_key(p_id => %s)", bank.key.split("_")[1])
    bank.lose_database()
    assert bank.execute().json()["stored"] == "spool"  # the service cannot know

    bank.get_database_back()

    assert len(bank.stored()) == 1
    (dead,) = bank.dead_letters()
    assert dead["refused"]["sqlstate"] == "RF005"


def test_a_record_that_was_changed_on_the_disk_is_not_stored(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()
    genuine, forged = bank.execute().json()["id"], bank.execute(user_id="jane").json()["id"]
    query(bank.directory, "UPDATE waiting SET line = CAST(replace(line, 'jane', 'john') AS BLOB)")
    assert b"john" in bank.spooled()[1]

    bank.get_database_back()

    assert genuine in bank.stored()
    assert forged not in bank.stored()
    (dead,) = bank.dead_letters()
    assert dead["refused"]["sqlstate"] == "RF005"


def test_files_that_the_release_before_left_are_taken_over_and_replayed(
    serve: Serve, database: TestDatabase, directory: Path
) -> None:
    first = Bank(serve, database, directory)
    first.be_known()
    first.lose_database()
    one, two = (first.execute().json()["id"] for _ in range(2))
    lines = first.spooled()
    query(directory, "DELETE FROM waiting")
    (directory / "019aa6b1-0000-7000-8000-000000000001.jsonl").write_bytes(lines[0])
    (directory / "active.jsonl").write_bytes(lines[1] + b'{"id": "01a2')

    second = Bank(serve, database, directory)
    second.get_database_back()

    assert {one, two} <= second.stored().keys()
    assert second.dead_letters() == []
    assert list(directory.glob("*.jsonl")) == []


def test_records_that_an_earlier_process_left_are_replayed_at_the_next_start(
    serve: Serve, database: TestDatabase, directory: Path, tmp_path: Path
) -> None:
    first = Bank(serve, database, directory)
    first.be_known()
    first.lose_database()
    ids = [first.execute().json()["id"] for _ in range(3)]
    left = tmp_path / "left"
    left.mkdir(mode=0o700)
    query(directory, "VACUUM INTO ?", str(left / FILE))
    assert len(spooled_lines(left)) == 3
    first.get_database_back()

    # As a crash after the replay would have left it, with all of them stored already.
    second = Bank(serve, database, left)
    eventually(lambda: not second.spooled())

    assert set(ids) <= second.stored().keys()
    assert len(second.stored()) == 4
    assert second.dead_letters() == []


def test_a_spool_that_cannot_be_written_is_no_reason_not_to_serve(
    serve: Serve, database: TestDatabase, directory: Path
) -> None:
    directory.write_text("no directory")
    bank = Bank(serve, database, directory)
    assert bank.execute().status_code == 200
    bank.lose_database()
    assert_problem(bank.execute(), 503, "storage-unavailable")


def test_a_spool_that_could_not_be_opened_at_start_is_used_once_it_can_be(
    serve: Serve, database: TestDatabase, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.spool.store._BETWEEN_TRIES", 0.1)
    directory.write_text("no directory")
    bank = Bank(serve, database, directory)
    bank.be_known()
    directory.unlink()
    eventually((directory / FILE).exists)
    bank.lose_database()

    eventually(lambda: bank.execute().status_code == 200)
    answer = bank.execute()

    assert answer.json()["stored"] == "spool"
    bank.get_database_back()
    assert answer.json()["id"] in bank.stored()
