"""The service on a file, within this process and on a real port, and the bytes of requests to it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from app.http.protocol import HttpProtocol
from app.main import create_app
from app.settings import Settings
from tests.support.polling import eventually
from tests.support.raw_http import answers_to

RECORD = json.dumps({"agent_id": "kyc", "mode": "LIVE", "status": "success"}).encode()
CLOSE = b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
TO_A_ROUTE = (
    b"POST /api/v1/audit/logs HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\n" + CHUNKED
)


class ImpatientProtocol(HttpProtocol):
    """Waits a second at most, so that a test of a limit in time is over soon."""

    max_head_seconds = 0.3
    max_send_seconds = 1.0


@contextmanager
def service_on(folder: Path) -> Iterator[int]:
    """Run a service on a file, within this process; yield its port."""
    app = create_app(Settings(database_url=None, audit_log_path=folder / "audit.jsonl"))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, http=ImpatientProtocol, ws="none", log_config=None, timeout_keep_alive=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def post(headers: bytes = b"", body: bytes = RECORD, path: bytes = b"/api/v1/audit/logs") -> bytes:
    """Return a request that stores `body`, by default one record of acme."""
    return b"POST %s HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\n%s%s" % (
        path, headers, b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
    )  # fmt: skip


def get(path: bytes = b"/api/v1/health", headers: bytes = b"") -> bytes:
    """Return a GET request of acme."""
    return b"GET %s HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\n%s\r\n" % (path, headers)


def stored(port: int, tenant: bytes = b"acme") -> int:
    """Return how many records of `tenant` the service lists."""
    (answer,) = answers_to(
        port, b"GET /api/v1/audit/logs HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: %s\r\n%s\r\n" % (tenant, CLOSE)
    )
    return int(answer.json()["count"])
