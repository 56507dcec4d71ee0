"""A spool of the release before, a directory of files of lines, taken over at start."""

import asyncio
import fcntl
import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from app.services.spool.directory import lock
from app.services.spool.queue import Spool
from tests.support.polling import eventually
from tests.support.spool_directory import FILE, dead_letters, query, spooled_lines
from tests.support.spools import Receiver, replay

SEALED = ("019aa6b1-0000-7000-8000-000000000001", "019aa6b2-0000-7000-8000-000000000002")
DEAD = (
    b'{"id": "9", "tenant_id": "acme", "created_at": "2026-11-28T09:00:00.000000Z", "refused": {"sqlstate": "RF004"}}\n'
)


def line(number: int, tenant: str = "acme") -> bytes:
    """Return a line as app/services/spool/lines.py of commit 72fd938 has written it."""
    text = (
        f'{{"id": "{number}", "trace_id": "t", "tenant_id": "{tenant}", "agent_id": "kyc", "mode": "LIVE",'
        f' "status": "error", "created_at": "2026-11-29T12:00:0{number}.000000Z", "api_key_id": "{"0" * 16}"'
    )
    return f'{text}, "hmac": "{number:064x}"}}\n'.encode()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A spool as a crash of that release has left it: in the middle of a replay, of an append, and of a position."""
    directory = tmp_path / "spool"
    directory.mkdir(mode=0o700)
    (directory / f"{SEALED[0]}.jsonl").write_bytes(line(0) + line(1) + line(2))
    (directory / f"{SEALED[0]}.position").write_text(str(len(line(0))))
    (directory / f"{SEALED[0]}.unfinished").write_text("12")
    (directory / f"{SEALED[1]}.jsonl").write_bytes(line(3, "globex") + b'{"id": \xff\n')
    (directory / f"{SEALED[1]}.position").write_text("")
    (directory / "active.jsonl").write_bytes(line(4) + line(5)[:40])
    (directory / "dead-letter.jsonl").write_bytes(DEAD)
    (directory / "known-credentials-019aa6b1.json").write_text("{}")
    return directory


WAITING = [line(1), line(2), line(3, "globex"), b'{"id": \xff\n', line(4)]


def start(directory: Path) -> None:
    async def start_and_stop() -> None:
        spool = Spool(directory, 262_144)
        await spool.open()
        await spool.close()

    asyncio.run(start_and_stop())


def test_it_is_taken_over_once_byte_for_byte_and_in_order(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    start(directory)

    assert spooled_lines(directory) == WAITING
    assert dead_letters(directory) == [json.loads(DEAD)]
    assert [path.name for path in directory.iterdir()] == [FILE]
    tenants = query(directory, "SELECT tenant, created_at FROM waiting WHERE tenant <> '' ORDER BY id")
    assert tenants == [
        (tenant, f"2026-11-29T12:00:0{number}.000000Z")
        for number, tenant in ((1, "acme"), (2, "acme"), (3, "globex"), (4, "acme"))
    ]
    usage = query(directory, "SELECT state, tenant, records, bytes FROM usage WHERE tenant = 'acme' ORDER BY state")
    assert usage == [("dead letters", "acme", 1, len(DEAD) - 1), ("waiting", "acme", 3, 3 * len(line(1)))]
    assert "took over 5 records and 1 dead letters" in caplog.text
    assert "half a line, which was never acknowledged" in caplog.text
    caplog.clear()

    start(directory)

    assert spooled_lines(directory) == WAITING
    assert caplog.text == ""


def start_and_be_killed(directory: Path, after: int) -> None:
    """Begin to take over `directory`, and be killed when one more file than `after` is about to be deleted."""
    unlink = Path.unlink
    deleted = 0

    def count(path: Path, missing_ok: bool = False) -> None:
        nonlocal deleted
        if deleted == after:
            os.kill(os.getpid(), signal.SIGKILL)
        deleted += 1
        unlink(path, missing_ok=missing_ok)

    Path.unlink = count  # type: ignore[assignment,method-assign]
    start(directory)


@pytest.mark.parametrize("after", range(4))
def test_a_crash_before_a_file_is_deleted_loses_nothing(directory: Path, after: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=start_and_be_killed, args=(directory, after))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL

    start(directory)

    found = spooled_lines(directory)
    assert set(found) == set(WAITING)
    # The lines of one file are there twice: the database stores a record once under its id.
    assert len(found) - len(WAITING) == (2, 2, 1, 0)[after]
    assert dead_letters(directory) == [json.loads(DEAD)]


def test_a_worker_of_that_release_that_appends_meanwhile_loses_nothing(directory: Path) -> None:
    with (directory / "active.jsonl").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = multiprocessing.get_context("spawn").Process(target=start, args=(directory,))
        process.start()
        eventually(lambda: not (directory / f"{SEALED[1]}.jsonl").exists())
        held.write(b"\n" + line(5))
        held.flush()
        assert process.is_alive()
    process.join()
    assert spooled_lines(directory)[-1] == line(5)


def test_files_that_another_worker_replays_are_left_to_it(directory: Path) -> None:
    lock = os.open(directory, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    start(directory)
    assert query(directory, "SELECT count(*) FROM waiting") == [(0,)]
    assert (directory / f"{SEALED[0]}.jsonl").exists()
    os.close(lock)
    start(directory)
    assert spooled_lines(directory) == WAITING


def test_a_spool_that_is_larger_than_the_limit_is_taken_over_all_the_same(tmp_path: Path) -> None:
    content = b"".join(line(number % 10) for number in range(3000))
    (tmp_path / "active.jsonl").write_bytes(content)
    start(tmp_path)
    assert b"".join(spooled_lines(tmp_path)) == content


def test_a_file_that_an_old_worker_leaves_later_is_taken_over_by_the_replay(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path, 262_144), Receiver()
    start(tmp_path)
    (tmp_path / "active.jsonl").write_bytes(line(7))

    replay(spool, store)

    assert store.taken == ["7"]
    assert [path.name for path in tmp_path.glob("*.jsonl")] == []


def test_what_is_not_taken_over_since_another_worker_has_the_lock_is_taken_over_by_a_later_replay(
    directory: Path,
) -> None:
    with lock(directory) as alone:
        assert alone
        start(directory)
        assert query(directory, "SELECT count(*) FROM waiting") == [(0,)]
    store = Receiver()

    replay(Spool(directory, 262_144), store)

    assert store.taken == ["1", "2", "3", "4"]


def test_a_line_with_a_lone_surrogate_for_a_tenant_is_spooled_like_any_damaged_line(tmp_path: Path) -> None:
    damaged = b'{"id": "8", "tenant_id": "\\ud800", "created_at": "2026-11-29T12:00:00.000000Z"}\n'
    (tmp_path / "active.jsonl").write_bytes(damaged + line(9))

    start(tmp_path)

    assert spooled_lines(tmp_path) == [damaged, line(9)]
