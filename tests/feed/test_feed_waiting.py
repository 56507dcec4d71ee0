"""Readers of a feed that wait for news: when they look, when they are answered, and who makes room for whom."""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.services import feed
from app.services.postgres import sealing_news
from app.services.postgres.reads import DatabaseReader
from app.services.postgres.sealing_news import SealingNews
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem
from tests.support.feeds import FEED, get, read, waiting, write
from tests.support.held_up import blocked, held_up
from tests.support.inside import run_inside, state_of
from tests.support.polling import eventually
from tests.support.processes import running_service
from tests.support.sealing import seal


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tenant of each look at a feed, in the order in which the looks began."""
    found: list[str] = []
    look = DatabaseReader.read_feed

    async def counted(self: DatabaseReader, credential: Any, query: Any) -> str:
        found.append(credential.tenant_id)
        return await look(self, credential, query)

    monkeypatch.setattr(DatabaseReader, "read_feed", counted)
    return found


@contextmanager
def flood_of_notifications(database: TestDatabase) -> Iterator[None]:
    """Notify what sealing notifies, as often as the server takes it, until the block ends."""
    ended = threading.Event()

    def notify() -> None:
        with psycopg.connect(database.url("postgres"), autocommit=True) as connection:
            while not ended.is_set():
                connection.execute("NOTIFY audit_sealed")

    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(notify)
        try:
            yield
        finally:
            ended.set()
        flood.result()


def hear_news(client: TestClient, database: TestDatabase) -> None:
    """Return once a notification has arrived at the service, and wakes no reader that comes later."""
    read(client)  # the first reader has the service listen
    audit_logger = state_of(client).audit_logger

    def heard() -> bool:
        if not audit_logger.hears_of_sealing:
            database.execute("NOTIFY audit_sealed")
        return bool(audit_logger.hears_of_sealing)

    async def told() -> None:
        await asyncio.wait([audit_logger.next_sealing()], timeout=4 * sealing_news._SECONDS_BETWEEN_NEWS)

    eventually(heard)
    run_inside(client, told)


def test_a_reader_that_waits_is_answered_once_a_record_is_sealed(
    client: TestClient, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_SECONDS_UNTOLD", 600.0)  # so that the news alone can wake it
    write(client)
    seal(database)
    after = read(client)[1]["position"]
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read, client, after=after, wait=30)
        eventually(lambda: waiting() == 1)
        record_id = write(client)  # which the service seals by itself
        lines, _ = reader.result(timeout=25)
    assert [line["id"] for line in lines] == [record_id]


def test_a_reader_that_hears_no_news_looks_by_itself(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hears_nothing(_: SealingNews) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(feed, "_SECONDS_UNTOLD", 0.2)
    monkeypatch.setattr(SealingNews, "_listen", hears_nothing)
    after = read(client)[1]["position"]
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read, client, after=after, wait=30)
        eventually(lambda: waiting() == 1)
        record_id = write(client)
        lines, _ = reader.result(timeout=25)
    assert [line["id"] for line in lines] == [record_id]


def test_a_wait_in_vain_ends_in_time_with_the_position_that_was_sent(client: TestClient) -> None:
    began = time.monotonic()
    assert read(client, wait=1) == ([], {"position": "1.0", "count": 0, "has_more": False, "checkpoint": None})
    assert 1 <= time.monotonic() - began < 10


def test_a_reader_that_waits_is_told_when_its_key_is_revoked(database: TestDatabase, serve: Serve) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")))
    client.keys = {"acme": database.issue_api_key("acme")}
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(get, client, wait=30)
        eventually(lambda: waiting() == 1)
        database.execute("SELECT audit.revoke_api_key(%s)", client.keys["acme"].split("_")[1])
        assert_problem(reader.result(timeout=25), 401, "unauthenticated")


def test_a_reader_looks_by_itself_only_where_no_news_is_known_to_arrive(
    serve: Serve, database: TestDatabase, monkeypatch: pytest.MonkeyPatch, looks: list[str]
) -> None:
    monkeypatch.setattr(feed, "_SECONDS_UNTOLD", 0.05)
    monkeypatch.setattr(feed, "_SECONDS_BETWEEN_LOOKS", (0.05, 0.05))
    client = serve()
    client.keys = {}
    read(client, "globex", wait=1)
    assert len(looks) > 5
    hear_news(client, database)
    looks.clear()
    read(client, "globex", wait=1)
    assert 2 <= len(looks) <= 3  # at its beginning and at its end, and by the last notification of hear_news()


def test_a_flood_of_notifications_has_each_reader_look_once_a_second(
    serve: Serve, database: TestDatabase, monkeypatch: pytest.MonkeyPatch, looks: list[str]
) -> None:
    told: list[None] = []
    tell = SealingNews._tell
    monkeypatch.setattr(SealingNews, "_tell", lambda self: told.append(tell(self)))
    client = serve()
    client.keys = {}
    hear_news(client, database)
    told.clear()
    with flood_of_notifications(database):
        looks.clear()
        assert read(client, "globex", wait=4)[0] == []
    assert 3 <= len(looks) <= 8  # after 0, 0.25, 0.75, 1.75, 2.75 and 3.75 seconds, and at the end
    assert 8 <= len(told) <= 24  # four times a second


def test_one_tenants_readers_hold_up_another_by_one_look(
    serve: Serve, database: TestDatabase, looks: list[str]
) -> None:
    client = serve()
    client.keys = {}
    hear_news(client, database)
    feeds = state_of(client).feeds
    with ThreadPoolExecutor(21) as pool, held_up(database, "read_feed", "acme") as lock:
        lock.rollback()
        readers = [pool.submit(read, client, tenant, wait=30) for tenant in ("acme",) * 20 + ("globex",)]
        eventually(lambda: waiting() == 21)
        lock.execute("SELECT pg_advisory_xact_lock(4711)")
        looks.clear()
        database.execute("NOTIFY audit_sealed")
        eventually(lambda: blocked(database) == 2 and len(looks) + len(feeds._looking._queue) >= 21)
        lock.rollback()
        eventually(lambda: len(looks) >= 21)

        async def end() -> None:
            feeds.end()

        run_inside(client, end)
        for reader in readers:
            assert reader.result()[0] == []
    assert looks.index("globex") <= 2  # behind the two that were looking


def test_a_reader_that_hangs_up_makes_room_at_once(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    with running_service(database_url=database.url("audit_app")) as service:

        def readers_waiting() -> int:
            found = re.search(r"^ringfence_feed_readers_waiting (\d+)", service.http.get("/metrics").text, re.MULTILINE)
            return int(found[1]) if found else -1

        request = f"GET {FEED}?wait=30 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", service.http.base_url.port or 0)) as reader:
            reader.sendall(request.encode())
            eventually(lambda: readers_waiting() == 1)
        eventually(lambda: readers_waiting() == 0, within=10)


def test_a_reader_that_waits_gets_no_body_read(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    with running_service(database_url=database.url("audit_app")) as service:
        request = (
            f"GET {FEED}?wait=30 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", service.http.base_url.port or 0)) as reader:
            reader.settimeout(2)
            reader.sendall(request.encode())
            sent = 0
            with pytest.raises((TimeoutError, ConnectionError)):  # the buffers on the way are full, or it is closed
                while sent < 100_000_000:
                    sent += reader.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
