"""What a request costs on the way to the database: one round trip, with a key as without."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fastapi.testclient import TestClient

from tests.calls import bearer
from tests.conftest import Serve, TestDatabase


class CountingProxy:
    """A TCP port that leads to a server, and counts how often the client spoke again after an answer."""

    def __init__(self, server_socket: str) -> None:
        self._server_socket = server_socket
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._carry, args=[client], daemon=True))
                self._threads[-1].start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as selector:
            server.connect(self._server_socket)
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            spoke_last: object = server
            with suppress(ConnectionError):
                while True:
                    for key, _ in selector.select():
                        assert isinstance(key.fileobj, socket.socket)
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        if key.fileobj is client and spoke_last is server:
                            self.round_trips += 1
                        spoke_last = key.fileobj
                        key.data.sendall(data)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy(database: TestDatabase) -> Iterator[CountingProxy]:
    info = database.administrator.info
    proxy = CountingProxy(f"{info.host}/.s.PGSQL.{info.port}")
    yield proxy
    proxy.close()


@pytest.mark.parametrize("role", ["audit_app", "audit_gateway"])
def test_a_write_and_a_read_take_one_round_trip_each(
    serve: Serve, database: TestDatabase, proxy: CountingProxy, role: str
) -> None:
    url = f"postgresql://{role}@127.0.0.1:{proxy.port}/{database.administrator.info.dbname}?sslmode=disable"
    client: TestClient = serve(database_url=url + "&gssencmode=disable", database_pool_size=1)
    headers = bearer(database.issue_api_key("acme")) | {"X-Tenant-ID": "acme"}

    def write() -> int:
        before = proxy.round_trips
        answer = client.post("/api/v1/agents/a/execute", headers=headers, json={"input": {}})
        assert answer.status_code == 200, answer.text
        return proxy.round_trips - before

    def read() -> int:
        before = proxy.round_trips
        assert client.get("/api/v1/audit/logs", headers=headers).status_code == 200
        return proxy.round_trips - before

    # The first calls on a connection may also prepare their statements; what counts is what every later one takes.
    for _ in range(10):
        write(), read()
    assert {write() for _ in range(5)} == {1}
    assert {read() for _ in range(5)} == {1}
