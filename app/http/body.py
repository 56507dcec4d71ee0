"""Reads the body of a request: limited in size, in time and, until the answer is ready, in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from fastapi import HTTPException
from starlette.requests import Request

from app.http.credentials import tenant_of
from app.http.inflate import inflated, is_gzip
from app.http.state import AnyState
from app.model.refusals import StorageUnavailable

Given = TypeVar("Given")
Result = TypeVar("Result")

MAX_BODY_SECONDS = 30.0
"""For a body that is read as a whole."""
MAX_STREAM_SECONDS = 300.0
"""For a body of lines. Few of them are read at once."""
MAX_SILENCE = 30.0
"""Seconds between two pieces of a body."""
LARGE_BODY_BYTES = 65_536
"""A body larger than this is parsed in a thread: meanwhile the event loop serves other requests."""


async def stream(
    request: Request[AnyState], max_bytes: int, max_seconds: float, hint: str = "", *, takes_gzip: bool = False
) -> AsyncIterator[bytes]:
    """Yield the body as it comes in. hint: what to do about too large a body; ends the refusal of one.

    takes_gzip: whether it may be compressed with gzip; it is yielded as it comes all the same. Raises HTTPException
    400, 408, 413 or 415 when the body ends early, is late, is too large, or is compressed otherwise.
    """
    for name, value in request.scope["headers"]:
        if name == b"content-encoding" and value.lower() != b"identity" and not (takes_gzip and is_gzip(value)):
            only = "compressed with gzip or as it is" if takes_gzip else "as it is, without a Content-Encoding"
            raise HTTPException(415, f"a body is sent {only}")
        if name == b"content-length" and int(value) > max_bytes:
            raise _too_large(max_bytes, hint)
    deadline, size, has_more = time.monotonic() + max_seconds, 0, True
    while has_more:
        try:
            async with asyncio.timeout(min(MAX_SILENCE, deadline - time.monotonic())):
                message = await request.receive()
        except TimeoutError:
            raise HTTPException(
                408, f"a body comes within {max_seconds:g} seconds, with no pause of {MAX_SILENCE:g} seconds"
            ) from None
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the body ended early")  # the caller is gone and does not read this
        piece = message.get("body", b"")
        size += len(piece)
        if size > max_bytes:
            raise _too_large(max_bytes, hint)
        yield piece
        has_more = message.get("more_body", False)


def _too_large(max_bytes: int, hint: str) -> HTTPException:
    return HTTPException(413, f"a body has at most {max_bytes} bytes{hint}")


async def held(
    request: Request[AnyState], max_bytes: int, hint: str = "", *, takes_gzip: bool = False
) -> AsyncIterator[bytes]:
    """Yield a body that is kept in memory: it counts against the memory for bodies until the answer is ready.

    takes_gzip: whether it may be compressed so; it is inflated, and counts, is limited and is yielded as that. Raises
    what stream() raises, and StorageUnavailable when there is no room for it.
    """
    tenant, bodies = tenant_of(request), request.state["bodies"]
    pieces = stream(request, max_bytes, MAX_BODY_SECONDS, hint, takes_gzip=takes_gzip)
    if takes_gzip and any(is_gzip(value) for name, value in request.scope["headers"] if name == b"content-encoding"):
        pieces = inflated(pieces)
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise _too_large(max_bytes, hint)
        if piece:
            if not bodies.may_take(tenant, len(piece)):
                raise StorageUnavailable("too many large bodies at once")
            bodies.take(tenant, len(piece))
            request.state["held_body_bytes"] += len(piece)  # app/http/strict_route.py gives them back
        yield piece


def is_large(request: Request[AnyState]) -> bool:
    """Whether off_the_loop() works in a thread."""
    return request.state["held_body_bytes"] > LARGE_BODY_BYTES


async def off_the_loop(request: Request[AnyState], work: Callable[[Given], Result], given: Given) -> Result:
    """Return what `work` makes of `given`, which is the body or comes from it; of a large body, in a thread.

    One at a time, since threads share one processor with the event loop. Raises StorageUnavailable when too many are
    queued.
    """
    if not is_large(request):
        return work(given)
    async with request.state["parsing"](tenant_of(request)):
        return await asyncio.to_thread(work, given)
