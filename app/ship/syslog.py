"""Syslog: messages of RFC 5424 over TLS, each counted in octets (RFC 5425).

Syslog acknowledges nothing, so each batch has a connection of its own. It is taken once the receiver has answered the
close_notify behind it with its own, as RFC 5425 (4.4) demands: then it has read everything before. One that crashes
sends none, and one that does not read lets the time run out. Then nobody knows what was taken, and the whole batch is
sent again. asyncio's own TLS would not tell a close_notify from a connection that just ended.

Some receivers never send one, rsyslog with GnuTLS among them, and would get the same batch for ever. So before a batch,
unless the one before it was taken, an empty connection asks whether close_notify is answered.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from app.ship.batch import Batch, NotTaken
from app.ship.leaves import leaf_of
from app.ship.moments import moment_of

_PRIORITY = 13 * 8 + 6
"""Facility log audit, severity informational: what a record means for security, its line says."""


class _Ended(NotTaken):
    """The receiver has ended the connection without a close_notify."""


class Syslog:
    """Takes a batch as one message for each line.

    The structured data of a message has the tenant, the position that ends its batch, and its leaf, which is the same
    when it comes again: epoch, index, and the beginning of the hash, by which what takes its place after a restore is
    another one. Its number in the batch would not do: that changes when a record before it is pruned.

    enterprise: the number that qualifies the name of that data. seconds: for a whole batch. answers: whether the
    receiver is to answer close_notify. Of one that is not, a connection that it ends and does not reset counts as
    taken.
    """

    def __init__(
        self, host: str, port: int, trusted: ssl.SSLContext, enterprise: int, seconds: float, *, answers: bool
    ) -> None:
        self._host, self._port, self._trusted, self._seconds, self._answers = host, port, trusted, seconds, answers
        self._data_name = f"ringfence@{enterprise}"
        self._from = re.sub(r"[^!-~]", "", socket.gethostname())[:255] or "-"
        self._is_known_to_answer = not answers

    async def send(self, batch: Batch) -> None:
        """See Destination. Taken is what the receiver has read to the end of the connection. Raises FeedFailed, too."""
        frames = b"".join(self._frame(batch, line) for line in batch.lines)
        try:
            async with asyncio.timeout(self._seconds):
                if not self._is_known_to_answer:
                    await self._ask()
                self._is_known_to_answer = not self._answers
                await self._deliver(frames)
                self._is_known_to_answer = True
        except OSError as error:  # of TLS and of time, too
            raise NotTaken(type(error).__name__) from None

    async def _ask(self) -> None:
        try:
            await self._deliver(b"")
        except _Ended:
            raise NotTaken(
                "nothing was sent: the receiver does not answer close_notify. Where it never does, close_notify = false"
            ) from None

    async def close(self) -> None:
        """See Destination. Nothing is open between two batches."""

    async def _deliver(self, frames: bytes) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self._trusted.wrap_bio(received, to_send, server_hostname=self._host)

            async def complete(step: Callable[[], object]) -> None:
                while True:
                    try:
                        step()
                    except ssl.SSLWantReadError:
                        writer.write(to_send.read())
                        await writer.drain()
                        if chunk := await reader.read(65_536):
                            received.write(chunk)
                        else:
                            received.write_eof()
                    else:
                        writer.write(to_send.read())
                        await writer.drain()
                        return

            await complete(tls.do_handshake)
            if frames:
                await complete(lambda: tls.write(frames))
            try:
                with suppress(ssl.SSLWantReadError):
                    _read_to_end(tls)  # an alert that has come already
                with suppress(ssl.SSLWantReadError):
                    tls.unwrap()  # writes our close_notify
                await complete(lambda: _read_to_end(tls))
            except ssl.SSLEOFError:
                if self._answers:
                    raise _Ended("the connection ended without a close_notify") from None
        finally:
            writer.transport.abort()

    def _frame(self, batch: Batch, line: bytes) -> bytes:
        epoch, index, leaf_hash = leaf_of(line)
        leaf = f"{epoch}.{index}.{leaf_hash[:16]}"
        moment = moment_of(line)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else "-"
        data = f'[{self._data_name} tenant="{batch.tenant}" position="{batch.position}" leaf="{leaf}"]'
        message = f"<{_PRIORITY}>1 {stamp} {self._from} ringfence - - {data} ".encode() + line
        return b"%d %s" % (len(message), message)


def _read_to_end(tls: ssl.SSLObject) -> None:
    """Read up to a close_notify. Raises SSLError for an alert, which unwrap() would take for one (OpenSSL 3)."""
    with suppress(ssl.SSLZeroReturnError):
        while tls.read():
            pass
