"""docs/nginx.conf, tried: nginx with exactly that file, but for the lines to be changed, before the real service."""

import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from app.settings import Settings
from tests.conftest import TestDatabase
from tests.support.calls import assert_problem, bearer
from tests.support.polling import eventually
from tests.support.processes import ROOT, running_service
from tests.support.stub_agent import running_agent

CONFIGURATION = ROOT / "docs" / "nginx.conf"
EXECUTE, LOGS = "/api/v1/agents/kyc/execute", "/api/v1/audit/logs"
RECORD = b'{"agent_id": "kyc", "mode": "LIVE", "status": "success"}'


@dataclass(frozen=True)
class Proxy:
    """A running nginx. keys, gateway: the ports of its two servers. folder: of the certificates."""

    keys: int
    gateway: int
    folder: Path

    def tls(self, certificate: str | None = None) -> ssl.SSLContext:
        """Return what trusts the proxy, and shows the caller's `certificate`."""
        context = ssl.create_default_context(cafile=str(self.folder / "proxy.pem"))
        if certificate:
            context.load_cert_chain(self.folder / f"{certificate}.pem", self.folder / f"{certificate}.key")
        return context

    def client(self, port: int, certificate: str | None = None) -> httpx.Client:
        """Return a caller of one of the two servers."""
        return httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=self.tls(certificate), trust_env=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(folder: Path, name: str, subject: str) -> str:
    """Make a certificate that signs itself; return its text."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "1", "-subj", subject,
            "-addext", "subjectAltName=IP:127.0.0.1",
        ],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    return (folder / f"{name}.pem").read_text()


def filled_in(values: dict[str, str]) -> str:
    """Return the configuration with its values replaced, all of which stand on lines that say CHANGE."""
    lines = []
    for line in CONFIGURATION.read_text().splitlines():
        changed = line
        for old, new in values.items():
            changed = changed.replace(old, new)
        assert changed == line or "# CHANGE" in line, line
        lines.append(changed)
    return "\n".join(lines)


@contextmanager
def nginx(folder: Path, *, keys: int = 0, gateway: int = 0) -> Iterator[Proxy]:
    """Run nginx before services on these ports, until the block ends."""
    proxy = Proxy(free_port(), free_port(), folder)
    make_certificate(folder, "proxy", "/CN=ringfence")
    callers = [make_certificate(folder, name, f"/O=Acme/CN={name}") for name in ("acme-backend", "unknown")]
    (folder / "callers.pem").write_text("".join(callers))
    (folder / "ringfence.conf").write_text(
        filled_in({
            "listen 443 ssl": f"listen 127.0.0.1:{proxy.keys} ssl",
            "listen 8443 ssl": f"listen 127.0.0.1:{proxy.gateway} ssl",
            "127.0.0.1:8000": f"127.0.0.1:{keys or free_port()}",
            "127.0.0.1:8001": f"127.0.0.1:{gateway or free_port()}",
            "/etc/nginx/ringfence.pem": f"{folder}/proxy.pem",
            "/etc/nginx/ringfence.key": f"{folder}/proxy.key",
            "/etc/nginx/callers-ca.pem": f"{folder}/callers.pem",
            "/var/log/nginx/ringfence.log": f"{folder}/access.log",
        })
    )  # fmt: skip
    paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; {'user root;' if os.geteuid() == 0 else ''}"
        f"events {{}} http {{ {' '.join(f'{name}_temp_path {folder}/{name};' for name in paths)}"
        f" include {folder}/ringfence.conf; }}"
    )
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["/usr/sbin/nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip

    def listens() -> bool:
        assert process.poll() is None, (folder / "output").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", proxy.gateway)) == 0

    try:
        eventually(listens)
        yield proxy
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def before_keys(database: TestDatabase, tmp_path: Path) -> Iterator[httpx.Client]:
    """A caller of nginx before a service whose callers bring keys."""
    with (
        running_service(database_url=database.url("audit_app")) as service,
        nginx(tmp_path, keys=service.http.base_url.port or 0) as proxy,
        proxy.client(proxy.keys) as client,
    ):
        assert service.http.get("/metrics").status_code == 200
        yield client


@pytest.fixture
def before_gateway(database: TestDatabase, tmp_path: Path) -> Iterator[Proxy]:
    """The nginx that names the tenant, before a service that believes it."""
    with (
        running_service(database_url=database.url("audit_gateway")) as service,
        nginx(tmp_path, gateway=service.http.base_url.port or 0) as proxy,
    ):
        yield proxy


def test_a_request_with_a_key_passes_and_one_without_is_refused(
    before_keys: httpx.Client, database: TestDatabase
) -> None:
    answer = before_keys.post(EXECUTE, headers=bearer(database.issue_api_key("acme")), json={"input": {}})

    assert (answer.status_code, answer.json()["tenant_id"]) == (200, "acme")
    assert_problem(before_keys.post(EXECUTE, json={"input": {}}), 401, "unauthenticated")


def test_a_body_of_lines_and_a_streamed_export_pass_whole(before_keys: httpx.Client, database: TestDatabase) -> None:
    key, count = bearer(database.issue_api_key("acme")), 30_000

    lines = {"Content-Type": "application/x-ndjson"}
    taken = before_keys.post(LOGS, headers=key | lines, content=(RECORD + b"\n") * count, timeout=60)
    assert (taken.status_code, taken.json().get("count")) == (201, count)
    with before_keys.stream("GET", f"{LOGS}/export", headers=key, timeout=60) as export:
        assert export.headers["transfer-encoding"] == "chunked"
        exported = list(export.iter_lines())
    assert len(exported) == count + 1
    assert json.loads(exported[-1]) == {"complete": True, "count": count}


def test_a_tenant_from_outside_does_not_travel_beside_a_key(before_keys: httpx.Client, database: TestDatabase) -> None:
    headers = bearer(database.issue_api_key("acme")) | {"X-Tenant-ID": "globex"}

    assert before_keys.post(EXECUTE, headers=headers, json={"input": {}}).json()["tenant_id"] == "acme"


def test_metrics_are_not_to_be_read_through_the_proxy(before_keys: httpx.Client) -> None:
    assert before_keys.get("/metrics").status_code == 404


def test_a_certificate_is_one_tenant_whatever_header_comes_from_outside(before_gateway: Proxy) -> None:
    with before_gateway.client(before_gateway.gateway, "acme-backend") as caller:
        for headers in ({}, {"X-Tenant-ID": "globex"}):
            assert caller.post(EXECUTE, headers=headers, json={"input": {}}).json()["tenant_id"] == "acme"


def test_another_tenant_in_the_query_or_the_body_is_refused(before_gateway: Proxy) -> None:
    with before_gateway.client(before_gateway.gateway, "acme-backend") as caller:
        assert caller.get(LOGS, params={"tenant_id": "acme"}).status_code == 200
        assert_problem(caller.get(LOGS, params={"tenant_id": "globex"}), 403, "tenant-mismatch")
        assert_problem(caller.post(EXECUTE, json={"input": {}, "tenant_id": "globex"}), 403, "tenant-mismatch")


@pytest.mark.parametrize(("certificate", "status"), [("acme-backend", 200), ("unknown", 403), (None, 400)])
def test_a_certificate_that_is_not_named_gets_nothing(
    before_gateway: Proxy, certificate: str | None, status: int
) -> None:
    with before_gateway.client(before_gateway.gateway, certificate) as caller:
        assert caller.get(LOGS, params={"tenant_id": "acme"}).status_code == status


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_an_offer_to_upgrade_keeps_its_body_which_is_no_second_request(
    before_gateway: Proxy, database: TestDatabase, protocol: str
) -> None:
    def post(body: bytes, *headers: str) -> bytes:
        lines = [f"POST {LOGS} HTTP/1.1", "Host: x", "Content-Type: application/json", *headers]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def answers(*pieces: bytes) -> list[bytes]:
        received = b""
        with (
            socket.create_connection(("127.0.0.1", before_gateway.gateway), 20) as there,
            before_gateway.tls("acme-backend").wrap_socket(there, server_hostname="127.0.0.1") as encrypted,
        ):
            for piece in pieces:
                encrypted.sendall(piece)
            while piece := encrypted.recv(65536):
                received += piece
        return re.findall(rb"HTTP/1.1 (\d+)", received)

    offer = ("Connection: Upgrade", f"Upgrade: {protocol}")
    forged = post(RECORD, "X-Tenant-ID: globex")
    last = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert answers(post(RECORD, *offer), last) == [b"201", b"200"]
    assert answers(post(forged, *offer), last) == [b"422", b"200"]
    assert database.execute("SELECT tenant_id FROM audit.audit_logs") == [("acme",)]


def test_the_address_of_the_caller_arrives_and_cannot_be_made_up(tmp_path: Path) -> None:
    with (
        running_agent() as service,
        nginx(tmp_path, keys=int(service.url.rpartition(":")[2])) as proxy,
        proxy.client(proxy.keys) as client,
    ):
        assert client.get("/", headers={"X-Forwarded-For": "10.9.9.9"}).status_code == 200
    ((_, headers, _),) = service.calls
    assert headers["x-forwarded-for"] == "127.0.0.1"


def test_the_proxy_has_the_limits_of_the_service() -> None:
    text = CONFIGURATION.read_text()
    sizes = {int(size) << 20 for size in re.findall(r"client_max_body_size (\d+)m;", text)}
    kept = [float(seconds) for seconds in re.findall(r"keepalive_timeout (\d+)s;", text)]
    fields = Settings.model_fields

    assert sizes == {fields[f"max_{name}_bytes"].default for name in ("body", "bulk")} | {
        fields["otlp_max_bytes"].default
    }
    assert 0 < max(kept) < uvicorn.Config("app").timeout_keep_alive
