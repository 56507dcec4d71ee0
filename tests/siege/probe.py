"""The neighbour: another tenant that keeps asking during a flood, and counts failures and the worst latency."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.siege.requests import EXECUTE, HEALTH, LOGS, NDJSON, head, post

MAX_SECONDS = 5.0
"""For an answer; later is a failure."""
_INTERVAL = 0.1
_CONNECTION = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Noticed:
    """What became of one kind of request. worst: seconds. failures: counted by what happened instead of an answer."""

    asked: int = 0
    worst: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def note(self, seconds: float, failure: str | None) -> None:
        """Add one request."""
        self.asked += 1
        self.worst = max(self.worst, seconds)
        if failure:
            self.failures[failure] += 1
        else:
            self.latencies.append(seconds)


class Neighbour:
    """A tenant with a key of its own. also: "list", "export" or "bulk", asked beside executes and health."""

    def __init__(self, port: int, key: str, also: str | None = None) -> None:
        self.executes, self.health, self.others = Noticed(), Noticed(), Noticed()
        self._port = port
        self._ended = False
        execute = post(EXECUTE, key, b'{"input": {"amount": 1200}, "user_id": "jane"}')
        self._watches = [
            (self.executes, execute, False),
            (self.executes, execute, True),
            (self.health, head("GET", HEALTH), False),
        ]
        lines = b'{"agent_id": "agent", "mode": "LIVE", "status": "success"}\n' * 100
        others = {
            "list": head("GET", f"{LOGS}?limit=50", key),
            "export": head("GET", f"{LOGS}/export?agent_id=none", key),
            "bulk": post(LOGS, key, lines, NDJSON),
        }
        if also:
            self._watches.append((self.others, others[also], False))

    async def watch(self) -> None:
        """Ask until told to end."""
        async with asyncio.TaskGroup() as group:
            for noticed, request, keep in self._watches:
                group.create_task(self._ask(noticed, request, keep=keep))

    def end(self) -> None:
        """Ask no more; `watch` returns when what was asked is answered."""
        self._ended = True

    async def _ask(self, noticed: Noticed, request: bytes, *, keep: bool) -> None:
        connection = Connection(self._port)
        while not self._ended:
            started = time.monotonic()
            failure = await connection.ask(request)
            if not keep:
                connection.close()
            seconds = time.monotonic() - started
            noticed.note(seconds, failure)
            await asyncio.sleep(_INTERVAL - seconds)
        connection.close()


class Connection:
    """A connection that is opened when there is something to ask."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: _CONNECTION | None = None

    async def ask(self, request: bytes) -> str | None:
        """Send a request and read the answer; return what happened instead of a status below 300."""
        try:
            async with asyncio.timeout(MAX_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                writer.write(request)
                status, closes = await _answer(reader)
        except TimeoutError:
            self.close()
            return f"no answer in {MAX_SECONDS:g} s"
        except (OSError, EOFError):
            self.close()
            return "cut"
        if closes:
            self.close()
        return None if status < 300 else str(status)

    def close(self) -> None:
        """Close it, if it is open."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines[1:] if line)
    if headers.get(b"transfer-encoding") == b"chunked":
        await reader.readuntil(b"\r\n0\r\n\r\n")
    else:
        await reader.readexactly(int(headers[b"content-length"]))
    return int(lines[0].split()[1]), headers.get(b"connection") == b"close"
