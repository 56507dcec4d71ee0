"""Syslog: messages of RFC 5424 over TLS, each counted in octets (RFC 5425).

Syslog acknowledges nothing, so each batch has a connection of its own. It is taken once the receiver has answered the
close_notify behind it with its own, as RFC 5425 (4.4) demands: then it has read everything before. One that crashes
sends none, and one that does not read lets the time run out. Then nobody knows what was taken, and the whole batch is
sent again. asyncio's own TLS would not tell a close_notify from a connection that just ended.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable

from app.ship.batch import Batch, NotTaken
from app.ship.moments import moment_of

_PRIORITY = 13 * 8 + 6
"""Facility log audit, severity informational: what a record means for security, its line says."""


class Syslog:
    """Takes a batch as one message for each line.

    The structured data of a message has the tenant, the position that ends its batch, and its line in the batch: both
    are the same when it comes again. enterprise: the number that qualifies their name. seconds: for a whole batch.
    """

    def __init__(self, host: str, port: int, trusted: ssl.SSLContext, enterprise: int, seconds: float) -> None:
        self._host, self._port, self._trusted, self._seconds = host, port, trusted, seconds
        self._data_name = f"ringfence@{enterprise}"
        self._from = re.sub(r"[^!-~]", "", socket.gethostname())[:255] or "-"

    async def send(self, batch: Batch) -> None:
        """See Destination. Taken is what the receiver has read to the end of the connection."""
        frames = b"".join(self._frame(batch, number, line) for number, line in enumerate(batch.lines, 1))
        try:
            async with asyncio.timeout(self._seconds):
                await self._deliver(frames)
        except OSError as error:  # of TLS and of time, too
            raise NotTaken(type(error).__name__) from None

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
            await complete(lambda: tls.write(frames))
            await complete(tls.unwrap)
        finally:
            writer.transport.abort()

    def _frame(self, batch: Batch, number: int, line: bytes) -> bytes:
        moment = moment_of(line)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else "-"
        data = f'[{self._data_name} tenant="{batch.tenant}" position="{batch.position}" line="{number}"]'
        message = f"<{_PRIORITY}>1 {stamp} {self._from} ringfence - - {data} ".encode() + line
        return b"%d %s" % (len(message), message)
