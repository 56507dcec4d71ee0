"""Callers: each sends one request after another on a connection of its own, and writes every answer into the ledger."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any
from uuid import uuid4

from app.model.uuid_v7 import uuid_v7
from tests.chaos.ledger import Answer, Ledger, Sent, now

CALLERS = 16
MAX_SECONDS = 30.0
"""Of waiting for an answer; a caller that gives up is a finding."""
_PAUSE = 0.02
"""Seconds between a refusal and the next request of a caller."""


class Load:
    """Callers of several tenants.

    keys: API keys by tenant. repeating: so many of the callers give their requests an Idempotency-Key instead of ids,
    and send each again until it is acknowledged.
    """

    def __init__(self, port: int, keys: Mapping[str, str], *, repeating: int = 0) -> None:
        self.ledger = Ledger()
        self._port = port
        self._keys = dict(keys)
        self._repeating = repeating
        self._stopping = False
        self.seen: dict[Answer, int] = dict.fromkeys(Answer, 0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the callers call until the block ends; each finishes its request then."""
        thread = Thread(target=lambda: asyncio.run(self._run()))
        thread.start()
        try:
            yield
        finally:
            self._stopping = True
            thread.join()

    async def _run(self) -> None:
        await asyncio.gather(
            *(self._call(random.Random(number), has_keys=number < self._repeating) for number in range(CALLERS))
        )

    async def _call(self, chance: random.Random, *, has_keys: bool) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        again: tuple[list[Sent], bytes] | None = None
        while not self._stopping:
            records, request = again or self._request(chance, has_key=has_keys)
            again = (records, request) if has_keys else None
            for record in records:
                self.ledger.sent[record.trace_id] = record
            started = time.monotonic()
            try:
                async with asyncio.timeout(MAX_SECONDS):
                    if connection is None:
                        connection = await asyncio.open_connection("127.0.0.1", self._port)
                    reader, writer = connection
                    writer.write(request)
                    status, body = await _answer(reader)
                self._note(records, status, body)
                if status < 500:
                    again = None
            except TimeoutError:
                self.ledger.wrong.append(f"no answer within {MAX_SECONDS:g} seconds")
                _close(connection)
                connection = None
            except (OSError, EOFError, ValueError):
                # The service does not listen, or has ended: whether the request arrived is unknown.
                self.seen[Answer.UNKNOWN] += len(records)
                _close(connection)
                connection = None
                await asyncio.sleep(_PAUSE)
            else:
                self.ledger.slowest = max(self.ledger.slowest, time.monotonic() - started)
                if status >= 500:
                    await asyncio.sleep(_PAUSE)
        _close(connection)

    def _request(self, chance: random.Random, *, has_key: bool) -> tuple[list[Sent], bytes]:
        tenant = chance.choice(list(self._keys))
        kind = chance.uniform(0.6, 0.95) if has_key else chance.random()
        live = kind > 0.95
        records = [
            Sent(str(uuid4()), tenant, f"user-{chance.randrange(10**9)}", live, now())
            for _ in range(3 if 0.85 < kind <= 0.95 else 1)
        ]
        if kind <= 0.6 or live:
            path = "/api/v1/agents/credit-scoring/execute"
            body: Any = {"input": {}, "user_id": records[0].user_id, "mode": "LIVE" if live else "DRY_RUN"}
        else:
            path = "/api/v1/audit/logs"
            for record in records if not has_key else ():
                record.record_id = str(uuid_v7())
            objects = [
                {
                    **({"id": each.record_id} if each.record_id else {}),
                    **{"trace_id": each.trace_id, "user_id": each.user_id},
                    **{"agent_id": "agent", "mode": "LIVE", "status": "success"},
                }
                for each in records
            ]
            body = objects if len(objects) > 1 else objects[0]
        content = json.dumps(body)
        key = f"Idempotency-Key: {uuid4()}\r\n" if has_key else ""
        return records, (
            f"POST {path} HTTP/1.1\r\nHost: chaos\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n{key}"
            f"Authorization: Bearer {self._keys[tenant]}\r\nX-Trace-ID: {records[0].trace_id}\r\n\r\n{content}"
        ).encode()

    def _note(self, records: list[Sent], status: int, body: Any) -> None:
        answer = _meaning(status, body)
        self.seen[answer] += len(records)
        if (status >= 400 and status != 503) or ("without_retry_after" in body and answer is Answer.REFUSED):
            self.ledger.wrong.append(f"answered {status}: {body}")
        for record in records:
            record.answered_at = now()
            record.answer = answer
            record.record_id = record.record_id or (body.get("id") if answer is not Answer.REFUSED else None)


def _meaning(status: int, body: Any) -> Answer:
    if status in (200, 201):
        return Answer.SPOOLED if body.get("stored") == "spool" else Answer.ACKNOWLEDGED
    is_unknown = body["type"].rpartition(":")[2] in ("outcome-unknown", "outcome-not-recorded")
    return Answer.UNKNOWN if is_unknown else Answer.REFUSED


async def _answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await reader.readexactly(int(headers["content-length"]))
    status = int(head[0].split()[1])
    answer = json.loads(body)
    if status == 503 and "retry-after" not in headers:
        answer["without_retry_after"] = True
    return status, answer


def _close(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if connection is not None:
        with suppress(OSError):
            connection[1].close()
