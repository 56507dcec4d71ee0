"""Requests whose answers are bounded: in size, and for records also in the time of the whole exchange.

httpx bounds each step alone: an answer that never ends, a few bytes at a time, would hold its caller up for ever. What
is not async cannot be cancelled: there the head of an answer has the bounds of httpx alone.
"""

import math
import time
from collections.abc import Sequence

import anyio
import httpx

from ringfence import _wire
from ringfence._errors import Unavailable

ANSWER_BYTES = 1_048_576
"""Of an answer to a record, or of a refusal: many times what the service needs."""
PAGE_BYTES = 33_554_432
"""Of a page of a list: 500 records have about 15 MB where each is as large as a record may be."""
_STEPS = 4
"""A request waits for a connection, connects, writes and reads: the time of the whole is that of so many steps."""


class _Body:
    """The body of an answer, as it arrives, until it is too large."""

    def __init__(self, answer: httpx.Response, most: int) -> None:
        """most: bytes."""
        self._answer = answer
        self._most = most
        self._text = bytearray()

    def take(self, piece: bytes) -> None:
        """Append a piece. Raises NotTheService."""
        self._text += piece
        if len(self._text) > self._most:
            raise _wire.not_the_service(self._answer)

    def whole(self) -> httpx.Response:
        """Return the answer with the body that has arrived."""
        return httpx.Response(self._answer.status_code, content=bytes(self._text), request=self._answer.request)


def send(http: httpx.Client, records: Sequence[str], timeout: float) -> httpx.Response:
    """Send records and return the answer. timeout: seconds, of each step. Raises Unavailable and NotTheService."""
    until = time.monotonic() + _STEPS * timeout
    try:
        with http.stream("POST", _wire.LOGS, **_wire.body_of(records)) as answer:
            return read(answer, until=until)
    except httpx.HTTPError as error:
        raise _wire.unreachable(error) from error


async def asend(http: httpx.AsyncClient, records: Sequence[str], timeout: float) -> httpx.Response:  # noqa: ASYNC109  as send() has it
    """See send()."""
    try:
        with anyio.fail_after(_STEPS * timeout):
            async with http.stream("POST", _wire.LOGS, **_wire.body_of(records)) as answer:
                return await aread(answer)
    except httpx.HTTPError as error:
        raise _wire.unreachable(error) from error
    except TimeoutError as error:
        raise Unavailable("the service could not be reached: its answer did not end in time") from error


def get_page(http: httpx.Client, query: dict[str, str]) -> httpx.Response:
    """Return a page of a list. Raises Unavailable and NotTheService."""
    request = _wire.quiet(http.build_request("GET", _wire.LOGS, params=query))
    try:
        answer = http.send(request, stream=True)
        try:
            return read(answer, PAGE_BYTES)
        finally:
            answer.close()
    except httpx.HTTPError as error:
        raise _wire.unreachable(error) from error


async def aget_page(http: httpx.AsyncClient, query: dict[str, str]) -> httpx.Response:
    """See get_page()."""
    request = _wire.quiet(http.build_request("GET", _wire.LOGS, params=query))
    try:
        answer = await http.send(request, stream=True)
        try:
            return await aread(answer, PAGE_BYTES)
        finally:
            await answer.aclose()
    except httpx.HTTPError as error:
        raise _wire.unreachable(error) from error


def read(answer: httpx.Response, most: int = ANSWER_BYTES, until: float = math.inf) -> httpx.Response:
    """Return the answer with its body, of so many bytes at most, read until that time of time.monotonic().

    Raises NotTheService, and what httpx raises.
    """
    body = _Body(answer, most)
    for piece in answer.iter_bytes():
        body.take(piece)
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer did not end in time", request=answer.request)
    return body.whole()


async def aread(answer: httpx.Response, most: int = ANSWER_BYTES) -> httpx.Response:
    """See read()."""
    body = _Body(answer, most)
    async for piece in answer.aiter_bytes():
        body.take(piece)
    return body.whole()
