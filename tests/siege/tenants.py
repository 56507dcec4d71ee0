"""Floods of one tenant, with valid keys of its own."""

import asyncio

from tests.siege.callers import Caller
from tests.siege.flood import flood
from tests.siege.requests import EMPTY_RECORDS, EXECUTE, LOGS, MEGABYTE, NDJSON, announce, chunked, head, post


def _record(number: int) -> bytes:
    return b'{"id": "01900000-0000-7000-8000-%012x", "agent_id": "a", "mode": "LIVE", "status": "success"}' % number


@flood("bodies that never come, with a valid key", 200, quick=True)
async def bodies_that_never_come(caller: Caller) -> None:
    await caller.send(announce(EXECUTE, caller.keys["attacker"], 100))
    await caller.hold()


@flood("unfinished bodies of a megabyte, with a valid key", 40, one_address=True, quick=True)
async def unfinished_bodies(caller: Caller) -> None:
    await caller.send(announce(LOGS, caller.keys["attacker"], MEGABYTE) + b" " * (MEGABYTE - 1))
    await caller.hold()


@flood("`[{},{},...]` of a megabyte, 19 a second, with a valid key", 19, one_address=True)
async def empty_records(caller: Caller) -> None:
    await caller.ask_every_second(post(LOGS, caller.keys["attacker"], EMPTY_RECORDS))


@flood("lists of 1,000 long records, never read", 20, one_address=True, also="list")
async def unread_lists(caller: Caller) -> None:
    await caller.send(head("GET", f"{LOGS}?limit=1000&agent_id=long", caller.keys["attacker"]) * 8)
    await asyncio.Event().wait()


@flood("dripping NDJSON, with a key that may only read", 8, one_address=True, also="bulk", quick=True)
async def dripping_lines_of_a_reader(caller: Caller) -> None:
    await caller.send(chunked(LOGS, caller.keys["attacker, read-only"], NDJSON))
    await caller.drip(b"1\r\n \r\n")


@flood("dripping NDJSON, with a key that may write", 8, one_address=True, also="bulk")
async def dripping_lines(caller: Caller) -> None:
    await caller.send(chunked(LOGS, caller.keys["attacker"], NDJSON))
    await caller.drip(b"1\r\n \r\n")


@flood("lists that find nothing (`http_status=599`)", 280, also="list", quick=True)
async def rare_lists(caller: Caller) -> None:
    await caller.ask_without_end(head("GET", f"{LOGS}?http_status=599", caller.keys["attacker"]))


@flood("exports, never read", 4, one_address=True, also="export")
async def unread_exports(caller: Caller) -> None:
    await caller.send(head("GET", f"{LOGS}/export", caller.keys["attacker"]))
    await asyncio.Event().wait()


@flood("records whose id the tenant's own bulk request holds", 9, one_address=True, quick=True)
async def records_held_by_a_bulk_request(caller: Caller) -> None:
    if caller.number == 0:
        lines = b"\n".join(_record(number) for number in range(60_000))
        await caller.send(post(LOGS, caller.keys["attacker"], lines, NDJSON))
        await caller.hold()
    else:
        await asyncio.sleep(1)  # the bulk request is being stored by then
        await caller.ask_without_end(post(LOGS, caller.keys["attacker"], _record(caller.number)))
