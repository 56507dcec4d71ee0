"""Requests whose body has begun and is not complete."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.support.processes import ServiceProcess


@contextmanager
def half_sent(
    service: ServiceProcess,
    path: str,
    headers: Mapping[str, str],
    media_type: str,
    body: bytes,
    sent: int | None = None,
) -> Iterator[socket.socket]:
    """Send `body` as far as its byte `sent`, half of it by default; yield the connection once the service reads it.

    Raises ConnectionRefusedError when the service answers at once instead.
    """
    url = service.http.base_url
    head = [
        f"POST {path} HTTP/1.1", f"Host: {url.host}:{url.port}", f"Content-Type: {media_type}",
        f"Content-Length: {len(body)}", "Expect: 100-continue",
        *(f"{name}: {value}" for name, value in headers.items()), "", "",
    ]  # fmt: skip
    with socket.create_connection((url.host, url.port or 80), 30) as connection:
        connection.sendall("\r\n".join(head).encode())
        # Sent by the server when the service begins to read.
        answer = connection.recv(65536)
        if not answer.startswith(b"HTTP/1.1 100 "):
            raise ConnectionRefusedError(answer.split(b"\r\n", 1)[0].decode())
        connection.sendall(body[: len(body) // 2 if sent is None else sent])
        yield connection
