"""Sends an export: in pieces, compressed on request, and only as long as its caller reads it."""

import asyncio
import codecs
import logging
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from fastapi import Response
from starlette.types import Receive, Scope, Send

from app.http.credentials import credential_of
from app.http.disconnection import disconnected
from app.model.query import ExportQuery
from app.model.refusals import InvalidRequest, RingfenceError
from app.routers.state import AppRequest
from app.services.exports import Export

logger = logging.getLogger("ringfence")

MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv", "evidence": "application/x-ndjson"}
_FILES = {"ndjson": ("audit-logs", "ndjson"), "csv": ("audit-logs", "csv"), "evidence": ("evidence", "ndjson")}
"""How the names of the files begin and end."""
_PIECE_BYTES = 65536
_GZIP_LEVEL = 4
_GZIP_FORMAT = 31  # zlib's wbits for gzip with a window of 32 KiB


def accepts_gzip(headers: Sequence[str]) -> bool:
    """Whether a request with these Accept-Encoding headers asks for gzip, by name and not with `q=0`."""
    for choice in ",".join(headers).split(","):
        name, _, parameter = choice.strip().partition(";")
        if name.strip().lower() in ("gzip", "x-gzip"):
            weight = parameter.replace(" ", "").lower().removeprefix("q=")
            return weight.strip("0.") != "" if parameter else True
    return False


def export_headers(tenant_id: str, file_format: str, *, gzip: bool) -> dict[str, str]:
    """Return the headers of an export that begins now."""
    parameters = "; charset=utf-8; header=present" if file_format == "csv" else ""
    # With tenant and time, so that the next export does not overwrite this one.
    what, suffix = _FILES[file_format]
    name = f"{what}_{quote(tenant_id)}_{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.{suffix}"
    return {
        "Content-Type": MEDIA_TYPES[file_format] + parameters,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": "gzip"} if gzip else {}),
    }


class ExportResponse(Response):
    """Sends an export.

    It is cut, without the end that HTTP demands, when it cannot go on, takes too long, or its caller stops reading.
    When the caller disconnects, the statement in the database is cancelled.
    """

    def __init__(self, export: Export, file_format: str, *, gzip: bool, bom: bool) -> None:
        """file_format: of MEDIA_TYPES. bom: begin with a byte order mark. The response closes the export."""
        super().__init__(headers=export_headers(export.tenant_id, file_format, gzip=gzip))
        del self.headers["content-length"]
        self._export = export
        self._gzip = gzip
        self._bom = bom

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Handle one ASGI request. Returns early when the export is cut, and the server closes the connection."""
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, timeout=self._export.timeout, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            else:
                why = "its caller disconnected" if leaving.done() else "it took too long"
                logger.warning("an export was cut: %s", why)
        except TimeoutError:
            logger.warning("an export was cut: its caller stopped reading")
        except RingfenceError as error:
            logger.warning("an export was cut: %s", error.kind)
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            self._export.close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._bom:
            self._export.first = codecs.BOM_UTF8 + self._export.first
        parts = self._export.ahead()
        try:
            async for part in _compressed(parts) if self._gzip else parts:
                for start in range(0, len(part), _PIECE_BYTES):
                    piece = part[start : start + _PIECE_BYTES]
                    async with asyncio.timeout(self._export.stall_timeout):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await parts.aclose()
        self._export.close()  # before the caller sees the end, and asks for the next export
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def export(request: AppRequest, query: ExportQuery) -> Response:
    """Begin an export, and return the response that sends it. The export is recorded before it is sent."""
    credential = credential_of(request, query.tenant_id)
    if query.bom and query.format != "csv":
        raise InvalidRequest.field("bom", "a byte order mark is for format=csv alone")
    gzip = accepts_gzip(request.headers.getlist("accept-encoding"))
    if request.method == "HEAD":
        # HEAD sends no record, so it reads none, and records no export.
        if query.format not in MEDIA_TYPES:
            raise InvalidRequest.field("format", "format is ndjson, csv or evidence")
        tenant_id = await request.state["audit_logger"].may_export(credential)
        head = Response(headers=export_headers(tenant_id, query.format, gzip=gzip))
        del head.headers["content-length"]
        return head
    begun = await request.state["exports"].begin(credential, query)
    return ExportResponse(begun, query.format, gzip=gzip, bom=query.bom)


async def _compressed(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    compressor = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)
    async for part in parts:
        yield await asyncio.to_thread(compressor.compress, part)
    yield compressor.flush()
