"""A witness (C2SP tlog-witness) on a real port of 127.0.0.1, which cosigns what extends the checkpoint it saw last."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.sign import merkle, notes
from app.sign.notes import Checkpoint, Signature, VerifierKey

Reply = tuple[int, str, bytes]
_PLAIN = "text/plain"


@dataclass
class StubWitness:
    """What the witness has cosigned, by origin, and what it was asked.

    when_asked: run before each answer; what it returns replaces the answer. clock: seconds that its time is ahead.
    """

    name: str
    url: str = ""
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    seen: dict[str, Checkpoint] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    when_asked: Callable[[], Reply | None] = lambda: None
    clock: int = 0

    @property
    def vkey(self) -> VerifierKey:
        """What its cosignatures are verified with."""
        return VerifierKey(self.name, notes.COSIGNATURE, self.key.public_key().public_bytes_raw())

    def file(self, path: Path, *others: "StubWitness") -> Path:
        """Write a WITNESSES_FILE with this witness and others; return it."""
        tables = [f'[witnesses.w{n}]\nurl = "{w.url}"\nvkey = "{w.vkey}"\n' for n, w in enumerate((self, *others), 1)]
        path.write_text("\n".join(tables))
        return path

    def answer(self, body: str) -> Reply:
        """Answer add-checkpoint."""
        self.asked.append(body)
        if (instead := self.when_asked()) is not None:
            return instead
        request, _, note = body.partition("\n\n")
        (word, _, number), *proof = [line.partition(" ") for line in request.split("\n")]
        checkpoint, _ = notes.parse(note)
        old, seen = int(number), self.seen.get(checkpoint.origin)
        hashes = [notes.decode(line) for line, _, _ in proof]
        if word != "old" or old > checkpoint.size or (old == 0 and hashes):
            return 400, _PLAIN, b""
        if old != (seen.size if seen else 0):
            return 409, "text/x.tlog.size", b"%d\n" % (seen.size if seen else 0)
        if seen and not merkle.is_extension(old, seen.root, checkpoint.size, checkpoint.root, hashes):
            return 422, _PLAIN, b""
        self.seen[checkpoint.origin] = checkpoint
        return 200, _PLAIN, str(self.cosignature(checkpoint.text)).encode()

    def cosignature(self, text: str) -> Signature:
        """Cosign the text of a checkpoint."""
        now = int(time.time()) + self.clock
        signature = self.key.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
        return Signature(self.name, self.vkey.id, now.to_bytes(8, "big") + signature)


@contextmanager
def running_witness(name: str = "witness.example/w1") -> Iterator[StubWitness]:
    """Serve a StubWitness until the block ends."""
    witness = StubWitness(name)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found = (404, _PLAIN, b"") if self.path != "/prefix/add-checkpoint" else witness.answer(body)
            status, media_type, answer = found
            try:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except ConnectionError:
                pass  # the caller did not wait for the answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    witness.url = f"http://127.0.0.1:{server.server_port}/prefix"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield witness
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
