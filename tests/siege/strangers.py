"""Floods of callers without a key, or with one that was never issued."""

import asyncio

from tests.siege.callers import Caller
from tests.siege.flood import flood
from tests.siege.requests import (
    EMPTY_RECORDS,
    EXECUTE,
    HEALTH,
    LOGS,
    MEGABYTE,
    WRONG_KEY,
    announce,
    chunked,
    head,
    post,
)

_ROUTES = (("POST", EXECUTE), ("POST", LOGS), ("GET", LOGS), ("GET", f"{LOGS}/export"), ("GET", HEALTH))


@flood("`GET /openapi.json` pipelined, never read", 1_100, quick=True)
async def unread_documents(caller: Caller) -> None:
    await caller.send_without_end(head("GET", "/openapi.json") * 50)


@flood("`GET /api/v1/health` pipelined, 38 MB, never read", 1, one_address=True)
async def unread_healths(caller: Caller) -> None:
    await caller.send(head("GET", HEALTH) * (38 * MEGABYTE // len(head("GET", HEALTH))))
    await asyncio.Event().wait()


@flood("trailers without end", 1, one_address=True, quick=True)
async def endless_trailers(caller: Caller) -> None:
    await caller.send(chunked(EXECUTE) + b"0\r\n")
    await caller.send_without_end(b"a: b\r\n" * 10_000)


@flood("trailers, one byte a second", 1_030, quick=True)
async def slow_trailers(caller: Caller) -> None:
    await caller.send(chunked(EXECUTE, WRONG_KEY) + b"0\r\na: ")
    await caller.drip(b"b")


@flood("chunk extensions without end", 1, one_address=True)
async def endless_chunk_extensions(caller: Caller) -> None:
    await caller.send(chunked(EXECUTE) + b"1;a=")
    await caller.send_without_end(b"b" * 65_536)


@flood("chunk extensions, one byte a second", 1_030)
async def slow_chunk_extensions(caller: Caller) -> None:
    await caller.send(chunked(EXECUTE, WRONG_KEY) + b"1;a=")
    await caller.drip(b"b")


@flood("bodies that never come, without a key", 1_030)
async def bodies_that_never_come(caller: Caller) -> None:
    await caller.send(announce(EXECUTE, None, 100))
    await caller.hold()


@flood("bodies that never come, with a wrong key", 1_030, quick=True)
async def bodies_that_never_come_with_a_wrong_key(caller: Caller) -> None:
    await caller.send(announce(EXECUTE, WRONG_KEY, 100))
    await caller.hold()


@flood("unfinished bodies of a megabyte, with a wrong key", 40)
async def unfinished_bodies(caller: Caller) -> None:
    await caller.send(announce(LOGS, WRONG_KEY, MEGABYTE) + b" " * (MEGABYTE - 1))
    await caller.hold()


@flood("idle connections", 4_100, quick=True)
async def idle_connections(caller: Caller) -> None:
    await caller.hold()


@flood("heads, one byte a second", 4_100)
async def slow_heads(caller: Caller) -> None:
    await caller.send(b"GET /")
    await caller.drip(b"a")


@flood("`[{},{},...]` of a megabyte, 19 a second, with a wrong key", 19, one_address=True, quick=True)
async def empty_records(caller: Caller) -> None:
    await caller.ask_every_second(post(LOGS, WRONG_KEY, EMPTY_RECORDS))


@flood("requests with a wrong key, as fast as they are refused", 64)
async def refused_keys(caller: Caller) -> None:
    await caller.ask_without_end(post(EXECUTE, WRONG_KEY, b'{"input": {}}'))


@flood("offers to upgrade, with a request for a body", 60, quick=True)
async def upgrades(caller: Caller) -> None:
    # Run as a request of its own, the body leaves a record that the laboratory looks for.
    smuggled = post(EXECUTE, caller.keys["attacker"], b'{"input": {}, "user_id": "smuggled"}')
    method, path = _ROUTES[caller.number % len(_ROUTES)]
    protocol = ("h2c", "websocket")[caller.number // len(_ROUTES) % 2]
    offer = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    body = ("Content-Type: application/json", f"Content-Length: {len(smuggled)}")
    await caller.send(head(method, path, caller.keys["attacker"], *offer, *body))
    await asyncio.sleep(0.02)  # so that the body comes in a segment of its own
    await caller.send(smuggled)
    await caller.hold()
