"""The spool's directory: several processes at once, crashes at any point, bounds, and who may look into it."""

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

from app.model.credential import ApiKey, NamedTenant
from app.model.refusals import DatabaseUnavailable, RefusedToServe, StorageUnavailable
from app.services.audit_logger import Outcome
from app.services.spool import clock as steady_clock
from app.services.spool.clock import SteadyClock
from app.services.spool.lines import for_replay, spool_line
from app.services.spool.queue import Line, Spool
from app.services.spool.replay import Replay

KEY = ApiKey(f"rf_{'0' * 16}_{'1' * 64}", None)


def line(number: int, tenant: str = "acme", **more: str) -> Line:
    return lambda now: spool_line(KEY, "secret", {"id": str(number), "tenant_id": tenant, "created_at": now, **more})


class Receiver:
    """Takes what is replayed, and can refuse it. These tests are about files; test_spool.py replays into a database."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.calls = 0
        self.away_after: int | None = None
        self.refused: set[str] = set()

    async def __call__(self, lines: Sequence[Mapping[str, str]]) -> Sequence[Outcome]:
        self.calls += 1
        if self.away_after is not None and self.calls > self.away_after:
            raise DatabaseUnavailable("the database is away")
        ids = [str(json.loads(each["line"])["id"]) for each in lines]
        self.taken += [each for each in ids if each not in self.refused]
        return [{"sqlstate": "RF004", "message": "taken"} if each in self.refused else None for each in ids]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 10_000_000)


def fill(spool: Spool, numbers: range) -> None:
    async def fill_it() -> None:
        await spool.open()
        await asyncio.gather(*(spool.append("acme", line(number)) for number in numbers))

    asyncio.run(fill_it())


def replay(spool: Spool, store: Receiver) -> None:
    asyncio.run(Replay(spool, store, lambda: True).run())


def files(spool: Spool) -> set[str]:
    return {path.name for path in spool.directory.iterdir()}


def test_what_was_appended_is_replayed_once_in_order_and_let_go(spool: Spool) -> None:
    fill(spool, range(1000))
    store = Receiver()
    replay(spool, store)
    assert store.taken == [str(number) for number in range(1000)]
    assert store.calls == 4
    assert files(spool) == set()
    replay(spool, store)
    assert len(store.taken) == 1000


def test_a_replay_that_is_cut_short_goes_on_where_it_was(spool: Spool) -> None:
    fill(spool, range(1000))
    store = Receiver()
    store.away_after = 2
    with pytest.raises(DatabaseUnavailable):
        replay(spool, store)
    assert len(store.taken) == 500
    store.away_after = None
    replay(spool, store)
    assert store.taken == [str(number) for number in range(1000)]


def test_what_comes_in_meanwhile_is_replayed_after_it(spool: Spool) -> None:
    fill(spool, range(300))
    store = Receiver()
    store.away_after = 1
    with pytest.raises(DatabaseUnavailable):
        replay(spool, store)
    fill(spool, range(300, 310))
    store.away_after = None
    replay(spool, store)
    assert store.taken == [str(number) for number in range(310)]


def test_a_position_that_was_torn_begins_the_file_again(spool: Spool) -> None:
    fill(spool, range(300))
    store = Receiver()
    store.away_after = 1
    with pytest.raises(DatabaseUnavailable):
        replay(spool, store)
    (position,) = spool.directory.glob("*.position")
    position.write_text("")
    store.away_after = None
    replay(spool, store)
    assert store.taken[250:] == [str(number) for number in range(300)]


def test_the_refused_are_buried_once_however_often_they_are_replayed(spool: Spool) -> None:
    fill(spool, range(10))
    kept = (spool.directory / "active.jsonl").read_bytes()
    store = Receiver()
    store.refused = {"3", "7"}
    replay(spool, store)
    (spool.directory / "active.jsonl").write_bytes(kept)
    replay(spool, store)
    buried = [json.loads(each) for each in (spool.directory / "dead-letter.jsonl").read_text().splitlines()]
    assert [each["id"] for each in buried] == ["3", "7"]
    assert buried[0]["refused"] == {"sqlstate": "RF004", "message": "taken"}


def test_a_line_that_was_damaged_is_buried_and_holds_up_nothing(spool: Spool) -> None:
    fill(spool, range(2))
    with (spool.directory / "active.jsonl").open("ab") as file:
        file.write(b'{"id": \xff\n')
    fill(spool, range(2, 4))
    store = Receiver()
    replay(spool, store)
    assert store.taken == ["0", "1", "2", "3"]
    (buried,) = (spool.directory / "dead-letter.jsonl").read_text().splitlines()
    assert json.loads(buried)["refused"] == {"message": "it is no whole record"}


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


def test_beyond_its_bound_nothing_is_kept_and_what_is_there_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1000)

    async def overfill() -> list[Any]:
        await spool.open()
        one_by_one = [
            await asyncio.gather(spool.append("acme", line(number)), return_exceptions=True) for number in range(9)
        ]
        with pytest.raises(StorageUnavailable, match="full"):
            await spool.append_all("acme", [line(number) for number in range(9)])
        return [answer[0] for answer in one_by_one]

    answers = asyncio.run(overfill())
    kept = [number for number, answer in enumerate(answers) if answer is None]
    assert 0 < len(kept) < 9
    assert (tmp_path / "active.jsonl").stat().st_size <= 1000
    store = Receiver()
    replay(spool, store)
    assert store.taken == [str(number) for number in kept]


def test_what_is_sealed_counts_towards_the_bound(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1000)
    fill(spool, range(3))
    store = Receiver()
    store.away_after = 0
    with pytest.raises(DatabaseUnavailable):
        replay(spool, store)
    with pytest.raises(StorageUnavailable, match="full"):
        fill(spool, range(3, 6))


def fill_up(spool: Spool, tenant: str, **more: str) -> int:
    """Append lines of `tenant` until no more are kept; return how many were."""

    async def append() -> int:
        await spool.open()
        for number in range(1000):
            try:
                await spool.append(tenant, line(number, tenant, **more))
            except StorageUnavailable:
                return number
        raise AssertionError

    return asyncio.run(append())


def test_one_tenant_fills_three_quarters_and_the_next_three_quarters_of_the_rest(tmp_path: Path) -> None:
    size = len(line(0)("2026-01-01T00:00:00.000000Z"))
    spool = Spool(tmp_path, 100 * size)
    kept = [fill_up(spool, tenant) for tenant in ("acme", "globex", "initech")]
    assert kept[0] in range(70, 76)
    assert kept[1] in range(15, 20)
    assert kept[2] > 0
    other_worker = Spool(tmp_path, 100 * size)
    assert fill_up(other_worker, "acme") == 0
    assert fill_up(other_worker, "umbrella") > 0


def test_a_tenant_whose_share_is_full_harms_no_other_that_is_written_together_with_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10_000)
    fill_up(spool, "acme")

    async def together() -> list[Any]:
        tenants = ("acme", "globex") * 3
        appends = (spool.append(tenant, line(number, tenant)) for number, tenant in enumerate(tenants))
        return await asyncio.gather(*appends, return_exceptions=True)

    assert [type(each) for each in asyncio.run(together())] == [StorageUnavailable, type(None)] * 3


def test_what_a_caller_writes_changes_nothing_about_whose_line_it_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 20_000)
    forged = '", "tenant_id": "globex", "x": "' + "x" * 100
    kept = fill_up(spool, "acme", agent_id=forged)
    assert fill_up(Spool(tmp_path, 20_000), "acme", agent_id=forged) == 0
    assert 0 < fill_up(Spool(tmp_path, 20_000), "globex") < kept


def test_what_was_replayed_takes_nobodys_share(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10_000)
    kept = fill_up(spool, "acme")
    replay(spool, Receiver())
    assert fill_up(spool, "acme") == kept


def append_many(directory: Path, first: int) -> None:
    spool = Spool(directory, 10_000_000)

    async def append() -> None:
        for number in range(first, first + 200):
            await spool.append("acme", line(number))

    asyncio.run(append())


def test_several_processes_append_while_another_seals_and_nothing_is_lost(spool: Spool) -> None:
    fill(spool, range(0))
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=append_many, args=(spool.directory, first)) for first in (0, 1000, 2000)]
    for process in processes:
        process.start()
    store = Receiver()
    while any(process.is_alive() for process in processes):
        replay(spool, store)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    replay(spool, store)
    assert sorted(map(int, store.taken)) == [first + number for first in (0, 1000, 2000) for number in range(200)]


def test_a_directory_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    fill(Spool(tmp_path, 1000), range(1))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "active.jsonl").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, -1)
    with pytest.raises(RefusedToServe, match="somebody else"):
        fill(Spool(tmp_path, 1000), range(1))


def test_a_line_holds_no_key_and_is_replayed_as_the_text_that_was_proven() -> None:
    record = {"id": "1", "user_id": 'j", "hmac": "0"}', "created_at": "2026-01-01T00:00:00.000000Z"}
    text = spool_line(KEY, "secret", record)
    element = for_replay(text)
    assert element is not None
    assert json.loads(element["line"]) == {**record, "api_key_id": "0" * 16}
    assert json.loads(text) == {**record, "api_key_id": "0" * 16, "hmac": element["hmac"]}
    assert b"1" * 64 not in text
    assert for_replay(spool_line(NamedTenant("acme"), "secret", record)) == {"line": json.dumps(record)}


@pytest.mark.parametrize("text", [b"", b"\n", b"[]\n", b'{"id": "1"', b'{"a": "\xff', b"[" * 100_000])
def test_what_is_no_line_of_a_spool_is_none(text: bytes) -> None:
    assert for_replay(text) is None


def test_a_clock_that_jumps_while_the_database_is_away_changes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteadyClock()
    before = clock.now()

    class Jumped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Jumped":
            return cls(2031, 1, 1, tzinfo=tz)

    monkeypatch.setattr(steady_clock, "datetime", Jumped)
    assert timedelta(0) <= clock.now() - before < timedelta(seconds=5)
    clock.set()  # as it is while the database is there
    assert clock.now().year == 2031
