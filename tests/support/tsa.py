"""A time-stamping authority (RFC 3161) on a real port of 127.0.0.1: openssl behind a few lines of HTTP."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Test authority
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""
_COMMANDS = """
openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=Root -config tsa.cnf -extensions root
openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=TSA -config tsa.cnf
openssl x509 -req -in tsa.csr -CA root.pem -CAkey root.key -CAcreateserial -out tsa.pem -days 2 -extfile tsa.cnf -extensions stamping
"""  # noqa: E501


@dataclass
class StubAuthority:
    """folder: its files. instead: what it answers in place of a time-stamp. asked: the requests."""

    folder: Path
    url: str = ""
    instead: tuple[int, bytes] | None = None
    asked: list[bytes] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The root certificate that its time-stamps lead to."""
        return self.folder / "root.pem"

    def answer(self, request: bytes) -> tuple[int, bytes]:
        """Answer a request."""
        self.asked.append(request)
        if self.instead is not None:
            return self.instead
        (self.folder / "request.tsq").write_bytes(request)
        self.run("openssl ts -reply -config tsa.cnf -section authority -queryfile request.tsq -out answer.tsr")
        return 200, (self.folder / "answer.tsr").read_bytes()

    def run(self, command: str) -> int:
        """Run a command in the folder; return its exit status."""
        return subprocess.run(command.split(), cwd=self.folder, capture_output=True, check=False).returncode


@contextmanager
def running_authority(folder: Path) -> Iterator[StubAuthority]:
    """Serve a StubAuthority, with keys made in `folder`, until the block ends."""
    authority = StubAuthority(folder)
    (folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=folder))
    (folder / "serial").write_text("01\n")
    assert [authority.run(command) for command in _COMMANDS.strip().split("\n")] == [0, 0, 0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, answer = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
