"""Counts round trips: a port that leads to the server, and notes how often the client spoke again after an answer."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class CountingProxy:
    """port: where to connect. round_trips: of all connections so far."""

    def __init__(self, server_socket: Path) -> None:
        self._server_socket = server_socket
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                threading.Thread(target=self._carry, args=[self._listener.accept()[0]], daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as selector:
            server.connect(str(self._server_socket))
            ways = {client: server, server: client}
            for end in ways:
                selector.register(end, selectors.EVENT_READ, end)
            spoke_last = server
            with suppress(OSError):
                while True:
                    for key, _ in selector.select():
                        speaker: socket.socket = key.data
                        data = speaker.recv(65536)
                        if not data:
                            return
                        self.round_trips += speaker is client and spoke_last is server
                        spoke_last = speaker
                        ways[speaker].sendall(data)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def counting(server_socket: Path) -> Iterator[CountingProxy]:
    """Run a proxy before the server's socket."""
    proxy = CountingProxy(server_socket)
    try:
        yield proxy
    finally:
        proxy.close()
