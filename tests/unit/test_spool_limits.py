"""How much the spool takes: of all, of one tenant, and of a disk."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.model.refusals import DatabaseUnavailable, StorageUnavailable
from app.services.spool import queue
from app.services.spool.queue import Spool
from tests.support.spool_directory import FILE, dead_letters, query, spooled_lines
from tests.support.spools import BYTES, Receiver, fill, fill_up, line, replay


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 10_000_000)


def test_a_full_spool_refuses_lines_and_keeps_the_earlier_ones(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BYTES)

    async def overfill() -> int:
        await spool.open()
        kept = 0
        with pytest.raises(StorageUnavailable, match="full"):
            while True:
                await spool.append(f"tenant-{kept}", line(kept))  # a tenant each, so that no share is full
                kept += 1
        with pytest.raises(StorageUnavailable, match="full"):
            await spool.append_all("acme", [line(number) for number in range(9)])
        await spool.close()
        return kept

    kept = asyncio.run(overfill())
    assert 0.5 < kept * len(line(0)("2026-01-01T00:00:00.000000Z")) / BYTES < 1
    assert (tmp_path / FILE).stat().st_size <= BYTES
    store = Receiver()
    replay(spool, store)
    assert store.taken == [str(number) for number in range(kept)]


def test_many_lines_are_kept_all_or_none(spool: Spool) -> None:
    small = Spool(spool.directory, BYTES)

    async def append() -> None:
        await small.open()
        await small.append_all("acme", (line(number) for number in range(3)))
        with pytest.raises(StorageUnavailable, match="full"):
            await small.append_all("acme", (line(number) for number in range(3, 5000)))
        with pytest.raises(ValueError, match="the fourth"):
            await small.append_all("acme", refused_at_the_end())
        await small.close()

    def refused_at_the_end() -> Any:
        yield from (line(number) for number in range(3, 6))
        raise ValueError("the fourth")

    asyncio.run(append())
    assert len(spooled_lines(spool.directory)) == 3


def test_lines_that_a_replay_has_left_count_towards_the_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BYTES)
    kept = fill_up(spool, "acme")
    store = Receiver()
    store.unavailable_after = 0
    with pytest.raises(DatabaseUnavailable):
        replay(spool, store)
    assert fill_up(spool, "acme") == 0
    assert len(spooled_lines(tmp_path)) == kept


def test_one_tenant_fills_three_quarters_and_the_next_three_quarters_of_the_rest(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 8 * BYTES)
    kept = [fill_up(spool, tenant) for tenant in ("acme", "globex", "initech")]
    assert 3.8 < kept[0] / kept[1] < 4.2
    assert 3.8 < kept[1] / kept[2] < 4.4
    other_worker = Spool(tmp_path, 8 * BYTES)
    assert fill_up(other_worker, "acme") == 0
    assert fill_up(other_worker, "umbrella") > 0


@pytest.mark.parametrize("length", [1, 2100, 4000, 4400, 30_000])
def test_lines_of_no_length_take_the_room_of_the_others(tmp_path: Path, length: int) -> None:
    spool = Spool(tmp_path, 4 * BYTES)
    kept = fill_up(spool, "acme", error="x" * length)
    assert kept > 0
    assert fill_up(spool, "globex") * 300 > 0.1 * 4 * BYTES


def test_a_tenant_whose_share_is_full_harms_no_other_that_is_written_together_with_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BYTES)
    fill_up(spool, "acme")

    async def together() -> list[Any]:
        tenants = ("acme", "globex") * 3
        appends = (spool.append(tenant, line(number, tenant)) for number, tenant in enumerate(tenants))
        return await asyncio.gather(*appends, return_exceptions=True)

    assert [type(each) for each in asyncio.run(together())] == [StorageUnavailable, type(None)] * 3


def test_a_line_counts_for_its_tenant_whatever_a_caller_writes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BYTES)
    forged = '", "tenant_id": "globex", "x": "' + "x" * 100
    kept = fill_up(spool, "acme", agent_id=forged)
    assert fill_up(Spool(tmp_path, BYTES), "acme", agent_id=forged) == 0
    assert 0 < fill_up(Spool(tmp_path, BYTES), "globex") < kept


def test_replayed_lines_take_no_share_and_their_pages_are_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BYTES)
    kept = fill_up(spool, "acme")
    replay(spool, Receiver())
    assert abs(fill_up(spool, "acme") - kept) < kept / 50
    assert (tmp_path / FILE).stat().st_size <= BYTES


def test_dead_letters_take_the_share_of_their_tenant_until_they_are_deleted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BYTES)
    kept = fill_up(spool, "acme")
    store = Receiver()
    store.refused = {str(number) for number in range(20_000)}
    replay(spool, store)
    assert store.taken == []
    assert len(dead_letters(tmp_path)) == kept
    assert fill_up(spool, "acme") == 0
    query(tmp_path, "DELETE FROM dead_letters")
    assert abs(fill_up(spool, "acme") - kept) < kept / 50


def test_a_disk_keeps_room_in_which_records_can_be_deleted(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(spool, range(10))
    free = shutil.disk_usage(spool.directory).free
    monkeypatch.setattr(queue, "_RESERVE_BYTES", free + 1_000_000_000)
    assert fill_up(spool, "globex") == 0
    monkeypatch.undo()
    store = Receiver()
    replay(spool, store)
    assert len(store.taken) == 10
    fill(spool, range(10))
