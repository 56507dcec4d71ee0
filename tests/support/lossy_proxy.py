"""A proxy to PostgreSQL, or to the service, that can drop the answer to what was done."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass
class LossyProxy:
    """A TCP port that leads to a server.

    lose: when set, the next answer of the server that holds these bytes is dropped, and its connection closed.
    """

    port: int
    lose: bytes | None = None
    lost: int = 0


@contextmanager
def lossy_proxy(address: str | tuple[str, int]) -> Iterator[LossyProxy]:
    """Lead to the server that listens on this Unix socket, or on this host and port, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = LossyProxy(listener.getsockname()[1])
    threads: list[threading.Thread] = []
    clients: list[socket.socket] = []

    def carry(client: socket.socket) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with client, socket.socket(family) as server, selectors.DefaultSelector() as selector:
            server.connect(address)
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            with suppress(ConnectionError):
                while True:
                    for key, _ in selector.select():
                        assert isinstance(key.fileobj, socket.socket)
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        if key.fileobj is server and proxy.lose and proxy.lose in data:
                            proxy.lose = None
                            proxy.lost += 1
                            return
                        key.data.sendall(data)

    def accept() -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = listener.accept()
                clients.append(client)
                thread = threading.Thread(target=carry, args=[client])
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for client in clients:
            with suppress(OSError):  # closed already
                client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
