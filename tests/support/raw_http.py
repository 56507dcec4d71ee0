"""Bytes on a socket, for what no HTTP client would send."""

import json
import socket
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return its body, parsed."""
        return json.loads(self.body)


def answers_to(port: int, *pieces: bytes, seconds: float = 20) -> list[RawAnswer]:
    """Send `pieces` on one connection; return every answer that comes until it is closed, or nothing comes any more."""
    with socket.create_connection(("127.0.0.1", port), seconds) as there:
        for piece in pieces:
            there.sendall(piece)
        received = bytearray()
        try:
            while piece := there.recv(65536):
                received += piece
        except (TimeoutError, ConnectionResetError):
            pass
    return list(_split(bytes(received)))


def _split(received: bytes) -> list[RawAnswer]:
    found = []
    while received:
        head, separator, received = received.partition(b"\r\n\r\n")
        assert separator, head
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        found.append(RawAnswer(int(status.split()[1]), headers, received[:size]))
        received = received[size:]
    return found
