"""The spool's file: several processes at once, crashes at any point, and who may look into it."""

import asyncio
import json
import multiprocessing
import os
import stat
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.model.credential import NamedTenant
from app.model.refusals import DatabaseUnavailable, RefusedToServe, StorageUnavailable
from app.model.strict_json import dump
from app.services.audit_logger import Outcome
from app.services.spool import directory as spool_directory
from app.services.spool import queue
from app.services.spool.lines import for_replay, spool_line
from app.services.spool.queue import Spool, SteadyClock
from app.services.spool.replay import Replay
from tests.support.spool_directory import FILE, dead_letters, query, spooled_lines
from tests.support.spools import BYTES, KEY, Receiver, fill, line, replay


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 10_000_000)


def test_lines_are_replayed_once_in_order_and_deleted(spool: Spool) -> None:
    fill(spool, range(1000))
    store = Receiver()
    replay(spool, store)
    assert store.taken == [str(number) for number in range(1000)]
    assert store.calls == 4
    assert spooled_lines(spool.directory) == []
    replay(spool, store)
    assert len(store.taken) == 1000


def test_a_replay_that_is_cut_short_goes_on_where_it_was(spool: Spool) -> None:
    fill(spool, range(1000))
    store = Receiver()
    store.unavailable_after = 2
    with pytest.raises(DatabaseUnavailable):
        replay(spool, store)
    assert len(store.taken) == 500
    store.unavailable_after = None
    replay(spool, store)
    assert store.taken == [str(number) for number in range(1000)]


def test_lines_that_are_appended_meanwhile_are_replayed_too(spool: Spool) -> None:
    fill(spool, range(300))
    store = Receiver()
    store.unavailable_after = 1
    with pytest.raises(DatabaseUnavailable):
        replay(spool, store)
    fill(spool, range(300, 310))
    store.unavailable_after = None
    replay(spool, store)
    assert store.taken == [str(number) for number in range(310)]


def test_lines_that_could_not_be_deleted_are_replayed_again(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(spool, range(300))
    store = Receiver()

    async def cut_short(*_: object) -> None:
        raise OSError(None, "database or disk is full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk is full"):
        patch.setattr(spool, "let_go", cut_short)
        replay(spool, store)
    replay(spool, store)
    assert store.taken[250:] == [str(number) for number in range(300)]


def test_a_line_that_took_the_number_of_another_is_not_deleted_for_it(spool: Spool) -> None:
    fill(spool, range(3))

    async def let_go() -> None:
        lines = await spool.next_lines(250, 1_000_000)
        query(spool.directory, "UPDATE waiting SET line = ? WHERE id = 2", b"another\n")
        await spool.let_go(lines, [])

    asyncio.run(let_go())
    assert spooled_lines(spool.directory) == [b"another\n"]


def test_a_refused_line_is_one_dead_letter_however_often_it_is_replayed(spool: Spool) -> None:
    fill(spool, range(10))
    kept = query(spool.directory, "SELECT tenant, created_at, line FROM waiting ORDER BY id")
    store = Receiver()
    store.refused = {"3", "7"}
    replay(spool, store)
    for each in kept:
        query(spool.directory, "INSERT INTO waiting (tenant, created_at, line) VALUES (?, ?, ?)", *each)
    replay(spool, store)
    found = dead_letters(spool.directory)
    assert [each["id"] for each in found] == ["3", "7"]
    assert found[0]["refused"] == {"sqlstate": "RF004", "message": "taken"}


def test_a_line_that_was_damaged_is_a_dead_letter_and_holds_up_nothing(spool: Spool) -> None:
    fill(spool, range(3))
    query(spool.directory, "UPDATE waiting SET line = ? WHERE id = 2", b'{"id": \xff\n')
    fill(spool, range(3, 5))
    store = Receiver()
    replay(spool, store)
    assert store.taken == ["0", "2", "3", "4"]
    (found,) = dead_letters(spool.directory)
    assert found["refused"] == {"message": "it is no whole record"}


def test_one_worker_replays_at_a_time(spool: Spool) -> None:
    fill(spool, range(10))
    store, other = Receiver(), Receiver()

    async def two() -> None:
        second = Replay(Spool(spool.directory, 1000), other, lambda: True)

        async def slowly(lines: Sequence[Mapping[str, str]]) -> Sequence[Outcome]:
            await second.run()
            return await store(lines)

        await Replay(spool, slowly, lambda: True).run()

    asyncio.run(two())
    assert len(store.taken) == 10
    assert other.taken == []


def append_many(directory: Path, first: int) -> None:
    spool = Spool(directory, 10_000_000)

    async def append() -> None:
        await spool.open()
        for number in range(first, first + 200):
            await spool.append("acme", line(number))
        await spool.close()

    asyncio.run(append())


def test_several_processes_open_and_append_while_another_replays_and_nothing_is_lost(spool: Spool) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=append_many, args=(spool.directory, first)) for first in (0, 1000, 2000)]
    for process in processes:
        process.start()
    fill(spool, range(0))
    store = Receiver()
    while any(process.is_alive() for process in processes):
        replay(spool, store)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    replay(spool, store)
    assert sorted(map(int, store.taken)) == [first + number for first in (0, 1000, 2000) for number in range(200)]


def test_a_directory_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    spool = Spool(tmp_path, BYTES)

    async def append() -> None:
        await spool.open()
        await spool.append("acme", line(0))

    asyncio.run(append())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys((FILE, f"{FILE}-wal", f"{FILE}-shm"), 0o600)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    asyncio.run(spool.close())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_owner_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, -1)
    with pytest.raises(RefusedToServe, match="somebody else"):
        fill(Spool(tmp_path, 1000), range(1))


@pytest.mark.parametrize("filesystem", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_directory_on_a_network_filesystem_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filesystem: str
) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(spool_directory, "MOUNTS", mounts)
    here = f"36 35 {os.major(device)}:{os.minor(device)} / /a\\040place rw,noatime shared:1 - {{}} server:/export rw\n"
    elsewhere = "37 35 0:4711 / /elsewhere rw - nfs server:/export rw\n"
    directory = tmp_path / "spool"
    mounts.write_text(here.format(filesystem) + elsewhere)
    with pytest.raises(RefusedToServe, match=f"on {filesystem}, a network filesystem"):
        fill(Spool(directory, BYTES), range(1))
    assert list(directory.iterdir()) == []
    mounts.write_text(here.format("ext4") + elsewhere)
    fill(Spool(directory, BYTES), range(1))
    assert len(spooled_lines(directory)) == 1


def test_a_damaged_file_is_refused_and_left_as_it_is(spool: Spool) -> None:
    fill(spool, range(1000))
    path = spool.directory / FILE
    content = bytearray(path.read_bytes())
    content[40_960:200_000] = b"\xff" * (200_000 - 40_960)
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(RefusedToServe, match="is damaged"):
            asyncio.run(Spool(spool.directory, BYTES).open())
        assert path.read_bytes() == content
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(RefusedToServe, match="is damaged"):
        asyncio.run(Spool(spool.directory, BYTES).open())


def test_nothing_is_written_to_a_file_that_was_deleted(spool: Spool) -> None:
    async def append() -> None:
        await spool.open()
        await spool.append("acme", line(0))
        for path in spool.directory.iterdir():
            path.unlink()
        await spool.append("acme", line(1))
        for path in spool.directory.iterdir():
            path.unlink()
        spool.directory.rmdir()
        with pytest.raises(StorageUnavailable, match="cannot be written"):
            await spool.append("acme", line(2))
        spool.directory.mkdir()
        await spool.append("acme", line(3))
        await spool.close()

    asyncio.run(append())
    assert [json.loads(each)["id"] for each in spooled_lines(spool.directory)] == ["3"]


def test_a_line_holds_no_key_and_is_replayed_as_the_text_that_was_proven() -> None:
    record = {"id": "1", "user_id": 'j", "hmac": "0"}', "created_at": "2026-01-01T00:00:00.000000Z"}
    text = spool_line(KEY, "secret", record)
    element = for_replay(text)
    assert element is not None
    assert json.loads(element["line"]) == {**record, "api_key_id": "0" * 16}
    assert json.loads(text) == {**record, "api_key_id": "0" * 16, "hmac": element["hmac"]}
    assert b"1" * 64 not in text
    assert for_replay(spool_line(NamedTenant("acme"), "secret", record)) == {"line": dump(record)}


@pytest.mark.parametrize("text", [b"", b"\n", b"[]\n", b'{"id": "1"', b'{"a": "\xff', b"[" * 100_000])
def test_a_text_that_is_no_line_of_a_spool_is_none(text: bytes) -> None:
    assert for_replay(text) is None


def test_a_clock_that_jumps_while_the_database_is_unavailable_changes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteadyClock()
    before = clock.now()

    class Jumped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Jumped":
            return cls(2031, 1, 1, tzinfo=tz)

    monkeypatch.setattr(queue, "datetime", Jumped)
    assert timedelta(0) <= clock.now() - before < timedelta(seconds=5)
    clock.set()  # as it is while the database is there
    assert clock.now().year == 2031
