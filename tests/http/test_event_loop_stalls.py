"""What a large body costs is limited before it is spent: meanwhile the event loop serves everybody else."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import LOGS, lines, record
from tests.support.calls import bearer
from tests.support.inside import run_inside
from tests.support.polling import eventually

EXECUTE = "/api/v1/agents/kyc/execute"
MEGABYTE = 1_048_576
MAX_STALL = 0.05


class Heartbeat:
    """Beats every millisecond on the service's event loop, and knows the longest time that it could not.

    In seconds of this process's own work: what else the machine does is nobody's stall.
    """

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def longest_stall(self, during: Callable[[], Any]) -> float:
        """Return the longest stall while `during` runs."""
        run_inside(self._client, self._start)
        during()
        return float(run_inside(self._client, self._stop))

    async def _start(self) -> None:
        self._longest = 0.0
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(0)

    async def _beat(self) -> None:
        last = time.process_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.process_time()
            self._longest = max(self._longest, now - last - 0.001)
            last = now

    async def _stop(self) -> float:
        await asyncio.sleep(0.002)
        self._task.cancel()
        return self._longest


def filled(start: bytes, element: bytes, end: bytes) -> bytes:
    """Return a JSON text of nearly a megabyte: `element` again and again."""
    count = (MEGABYTE - len(start) - len(end)) // (len(element) + 1)
    return start + b",".join([element] * count) + end


def numbered(start: bytes, end: bytes) -> bytes:
    """Return one whose object has many thousand fields."""
    return start + b",".join(b'"k%d":0' % number for number in range(80_000)) + end


RECORD = json.dumps(record()).encode()
BODIES = {
    "an execution with many objects": (EXECUTE, "json", filled(b'{"input":{"a":[', b"{}", b"]}}")),
    "an execution with as many as are read": (EXECUTE, "json", b'{"input":{"a":[' + b"{}," * 99_000 + b"{}]}}"),
    "an execution with many numbers": (EXECUTE, "json", filled(b'{"input":{"a":[', b"1", b"]}}")),
    "an execution with many fractions": (EXECUTE, "json", filled(b'{"input":{"a":[', b"1.5", b"]}}")),
    "an execution with many fields": (EXECUTE, "json", numbered(b'{"input":{', b"}}")),
    "an execution with many fields that it has not": (EXECUTE, "json", numbered(b'{"input":{},', b"}")),
    "an execution with one long text": (EXECUTE, "json", b'{"input":{"a":"' + b"x" * 1_000_000 + b'"}}'),
    "an execution in depth": (EXECUTE, "json", b'{"input":{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}}"),
    "an array of empty records": (LOGS, "json", filled(b"[", b"{}", b"]")),
    "an array of as many as are read": (LOGS, "json", b"[" + b"{}," * 99_000 + b"{}]"),
    "an array of records": (LOGS, "json", filled(b"[", RECORD, b"]")),
    "an array of records of which the last is wrong": (LOGS, "json", filled(b"[", RECORD, b",{}]")),
    "a record with many objects": (LOGS, "json", filled(b'{"agent_id":[', b"[]", b"]}")),
    "lines of records": (LOGS, "x-ndjson", lines([record()]) * 15_000),
    "lines that are empty": (LOGS, "x-ndjson", b"\n" * MEGABYTE),
    "lines of records of which the last is empty": (LOGS, "x-ndjson", lines([record()]) * 15_000 + b"\n" * 100_000),
}


@pytest.fixture
def key(database: TestDatabase) -> str:
    return database.issue_api_key("acme")


def shortest_stall(client: TestClient, what: str, api_key: str, statuses: set[int], limit: float) -> float:
    """Send the body, expecting one of `statuses`; return how long that holds up the event loop, at best of three."""
    path, kind, content = BODIES[what]
    headers = bearer(api_key) | {"Content-Type": f"application/{kind}"}
    heart = Heartbeat(client)
    idle = heart.longest_stall(lambda: client.get("/api/v1/health"))

    def post() -> None:
        assert client.post(path, content=content, headers=headers).status_code in statuses

    stall = heart.longest_stall(post) - idle
    for _ in range(2):
        stall = stall if stall < limit else heart.longest_stall(post) - idle
    return stall


@pytest.mark.parametrize("what", BODIES)
def test_no_megabyte_holds_up_the_event_loop(serve: Serve, database: TestDatabase, key: str, what: str) -> None:
    client, made_up = serve(database_url=database.url("audit_app")), f"rf_{'0' * 16}_{'0' * 64}"
    assert shortest_stall(client, what, key, {200, 201, 413, 422}, MAX_STALL) < MAX_STALL
    assert shortest_stall(client, what, made_up, {401}, MAX_STALL / 5) < MAX_STALL / 5


def test_nor_do_many_records_on_their_way_to_the_spool(
    serve: Serve, database: TestDatabase, key: str, tmp_path: Path
) -> None:
    client = serve(database_url=database.url("audit_app"), spool=True, spool_path=tmp_path / "spool")
    assert client.post(LOGS, json=record(), headers=bearer(key)).status_code == 201
    database.go_down()
    assert eventually(lambda: client.post(LOGS, json=record(), headers=bearer(key))).json()["stored"] == "spool"
    assert shortest_stall(client, "lines of records", key, {201}, MAX_STALL) < MAX_STALL
