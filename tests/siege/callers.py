"""Callers that flood: raw connections that read only when told to, from source addresses of their own."""

import asyncio
import itertools
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress

OTHER_ADDRESSES = tuple(f"127.0.0.{last}" for last in range(2, 10))
PROBE_ADDRESS = "127.0.0.1"
_PAUSE = 1.0
"""Seconds after which a caller that was cut comes again."""
_RECEIVE_BUFFER = 4096
"""Small, so that an unread answer stays with the service."""


class Caller:
    """One connection. number: of the caller among those of its flood; keys: by the names that the laboratory gives."""

    def __init__(self, flood: "Crowd", number: int, connection: socket.socket) -> None:
        self.number = number
        self.keys = flood.keys
        self._answers = flood.answers
        self._connection = connection
        self._received = b""

    async def send(self, content: bytes) -> None:
        """Send bytes; wait for as long as the service does not take them."""
        await asyncio.get_running_loop().sock_sendall(self._connection, content)

    async def send_without_end(self, content: bytes) -> None:
        """Send the same bytes again and again, as fast as they are taken."""
        while True:
            await self.send(content)

    async def drip(self, content: bytes) -> None:
        """Send the same bytes once a second."""
        while True:
            await self.send(content)
            await asyncio.sleep(1)

    async def answer(self) -> None:
        """Read one answer, which says how long it is, to its end; count its status."""
        head = await self._head()
        size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        while len(self._received) < size:
            await self._receive()
        self._received = self._received[size:]

    async def hold(self) -> None:
        """Keep the connection until the service closes it; read all it says."""
        await self._head()
        while True:
            self._received = b""
            await self._receive()

    async def ask_every_second(self, request: bytes) -> None:
        """Send a request each second, or as soon as the one before is answered."""
        while True:
            started = time.monotonic()
            await self.send(request)
            await self.answer()
            await asyncio.sleep(started + 1 - time.monotonic())

    async def ask_without_end(self, request: bytes) -> None:
        """Send a request as soon as the one before is answered."""
        while True:
            await self.send(request)
            await self.answer()

    async def _head(self) -> bytes:
        while b"\r\n\r\n" not in self._received:
            await self._receive()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        self._answers[int(head.split(None, 2)[1])] += 1
        return head

    async def _receive(self) -> None:
        piece = await asyncio.get_running_loop().sock_recv(self._connection, 65536)
        if not piece:
            raise ConnectionResetError
        self._received += piece


Act = Callable[[Caller], Awaitable[None]]


class Crowd:
    """The callers of one flood. sources: the addresses that they come from, in turn."""

    def __init__(self, port: int, keys: dict[str, str], sources: list[str]) -> None:
        self.keys = keys
        self.answers: Counter[int] = Counter()
        self.opened = self.cut = 0
        self._port = port
        self._sources = itertools.cycle(sources)

    async def run(self, count: int, act: Act, seconds: float) -> None:
        """Let so many callers act for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for number in range(count):
                    group.create_task(self._call(number, act))

    async def _call(self, number: int, act: Act) -> None:
        while True:
            with closing(socket.socket()) as connection:
                connection.setblocking(False)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
                connection.bind((next(self._sources), 0))
                try:
                    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self._port))
                    self.opened += 1
                    await act(Caller(self, number, connection))
                except OSError:
                    self.cut += 1
            await asyncio.sleep(_PAUSE)
