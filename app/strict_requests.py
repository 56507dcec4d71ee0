"""Requests that mean one thing: JSON without duplicate keys, NaN or Infinity, queries that name nothing twice."""

import json
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from app.errors import InvalidRequest


def parse(text: bytes) -> Any:
    """Parse `text` as RFC 8259 has it. Raises json.JSONDecodeError, whose message does not repeat the text."""
    try:
        return _DECODER.decode(text.decode())
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("not UTF-8", "", error.start) from None
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", "", 0) from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # an integer of more digits than Python converts
        raise json.JSONDecodeError("a number out of range", "", 0) from error


def _constant(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is not JSON", "", 0)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise json.JSONDecodeError("a number out of range", "", 0)
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise json.JSONDecodeError("a key stands twice in one object", "", 0)
    return found


# Made once: json.loads would make one at every call, which is a third of what a short text takes.
_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_finite, object_pairs_hook=_without_duplicates)


class _StrictRequest(Request):
    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            body = bytearray()
            async for chunk in self.stream():
                body += chunk
                if len(body) > self.app.state.max_body_bytes:
                    raise HTTPException(413, f"a body has at most {self.app.state.max_body_bytes} bytes")
            self._body = bytes(body)
        return self._body

    async def json(self) -> Any:
        return parse(await self.body())


class StrictRoute(APIRoute):
    """A route that reads its body with `parse` and refuses a query parameter given twice."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
                if count > 1:
                    raise InvalidRequest.field(name, "stands twice in the query")
            return await handle(_StrictRequest(request.scope, request.receive))

        return strictly
