"""A receiver of syslog over TLS on a real port of 127.0.0.1, with a certificate that openssl makes."""

import re
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

_MESSAGE = re.compile(
    rb"<110>1 (\S+) \S+ ringfence - - \[ringfence@32473 tenant=\"(.+?)\" position=\"(.+?)\" leaf=\"(.+?)\"\] (.*)"
)


class Fault(Enum):
    """What the receiver does with a connection."""

    NONE = auto()
    RESET_AT_ONCE = auto()
    RESET_IN_THE_MIDDLE = auto()
    LEAVE_IN_THE_MIDDLE = auto()
    CRASH_AT_THE_END = auto()
    STALL = auto()
    STALL_AT_THE_END = auto()


@dataclass(frozen=True)
class Message:
    """One message, as it was received."""

    stamp: str
    tenant: str
    position: str
    leaf: str
    text: bytes


@dataclass
class SyslogReceiver:
    """taken: every message that was read, doubles among them. next_fault: asked for each connection that has any.

    says_close_notify: whether it answers one with its own, as some receivers never do.
    """

    port: int
    ca_file: Path
    context: ssl.SSLContext
    taken: list[Message] = field(default_factory=list)
    connections: int = 0
    says_close_notify: bool = True
    next_fault: Callable[[], Fault] = lambda: Fault.NONE
    released: threading.Event = field(default_factory=threading.Event)

    def fail(self, *faults: Fault) -> None:
        """Do these things with the next connections, one after another."""
        left = list(faults)
        self.next_fault = lambda: left.pop(0) if left else Fault.NONE

    def wants_certificate(self) -> None:
        """Talk to nobody from now on who has not its own certificate."""
        self.context.load_verify_locations(self.ca_file)
        self.context.verify_mode = ssl.CERT_REQUIRED

    def lines(self) -> list[bytes]:
        """Return the texts in order, without those whose leaf it had already."""
        kept: dict[str, bytes] = {}
        for each in list(self.taken):
            kept.setdefault(each.leaf, each.text)
        return list(kept.values())

    def serve(self, connection: ssl.SSLSocket) -> None:
        """Read what comes on a connection."""
        buffer = connection.recv(4096)
        fault = self.next_fault() if buffer else Fault.NONE
        if fault is Fault.STALL:
            self.released.wait(30)
            return
        if fault is Fault.RESET_AT_ONCE:
            self._reset(connection)
            return
        chunk = buffer
        while chunk:
            while (found := re.match(rb"([1-9][0-9]*) ", buffer)) and len(buffer) >= found.end() + int(found[1]):
                self._take(buffer[found.end() : found.end() + int(found[1])])
                buffer = buffer[found.end() + int(found[1]) :]
                if fault is Fault.RESET_IN_THE_MIDDLE:
                    self._reset(connection)
                    return
                if fault is Fault.LEAVE_IN_THE_MIDDLE:
                    return
            chunk = connection.recv(4096)
            buffer += chunk
        assert buffer == b""
        if fault is Fault.STALL_AT_THE_END:
            self.released.wait(30)
            return
        if fault is not Fault.CRASH_AT_THE_END and self.says_close_notify:
            connection.unwrap()

    def _take(self, message: bytes) -> None:
        found = _MESSAGE.fullmatch(message)
        assert found, message
        stamp, tenant, position, leaf = (part.decode() for part in found.groups()[:4])
        self.taken.append(Message(stamp, tenant, position, leaf, found[5]))

    @staticmethod
    def _reset(connection: ssl.SSLSocket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def receiving_syslog(folder: Path) -> Iterator[SyslogReceiver]:
    """Serve a SyslogReceiver, with a certificate made in `folder`, until the block ends."""
    make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "syslog.pem", folder / "syslog.key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        receiver = SyslogReceiver(listening.getsockname()[1], folder / "syslog.pem", context)
        ended = threading.Event()

        def accept() -> None:
            with ThreadPoolExecutor() as pool:  # one that stalls does not keep others out
                while True:
                    plain, _ = listening.accept()
                    if ended.is_set():
                        plain.close()
                        return
                    receiver.connections += 1
                    pool.submit(talk, plain)

        def talk(plain: socket.socket) -> None:
            with suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
                connection.settimeout(30)
                receiver.serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield receiver
        finally:
            ended.set()
            receiver.released.set()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", receiver.port)).close()
            thread.join()


def make_certificate(folder: Path, name: str = "syslog") -> None:
    """Make a certificate of 127.0.0.1 that signs itself."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "1", "-subj", f"/CN={name}",
            "-addext", "subjectAltName=IP:127.0.0.1",
        ],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
