"""Inflates a body that is compressed with gzip, piece by piece."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from fastapi import HTTPException

_PIECE_BYTES = 65_536
"""Inflated before the event loop serves others: a fraction of a millisecond. A small body may become a large one."""
_GZIP_FORMAT = 31  # zlib's wbits for gzip with a window of 32 KiB


def is_gzip(content_encoding: bytes) -> bool:
    """Whether a Content-Encoding is gzip alone."""
    return content_encoding.strip().lower() == b"gzip"


async def inflated(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what `pieces` inflate to, at most 64 KiB at a time; the caller stops when that is too much.

    Raises HTTPException 400 when they are not gzip, end early, or go on after its end.
    """
    inflater = zlib.decompressobj(wbits=_GZIP_FORMAT)
    try:
        async for piece in pieces:
            rest = piece
            while rest and not inflater.eof:
                yield inflater.decompress(rest, _PIECE_BYTES)
                rest = inflater.unconsumed_tail
                await asyncio.sleep(0)
            if rest or inflater.unused_data:
                raise HTTPException(400, "the body goes on after the end of its gzip")
        while not inflater.eof and (last := inflater.decompress(b"", _PIECE_BYTES)):  # held back by the limit above
            yield last
            await asyncio.sleep(0)
    except zlib.error:
        raise HTTPException(400, "the body is not gzip, as its Content-Encoding says") from None
    if not inflater.eof:
        raise HTTPException(400, "the body ended within its gzip")
