"""One trace id for each request: taken from the caller, stored with the record, given back in X-Trace-ID."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# W3C Trace Context: version, trace id, parent id, flags. All-zero ids and version ff are invalid, and version 00 ends
# with the flags; a later one may go on.
_TRACEPARENT = re.compile(
    rb"(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id_of(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bytes]:
    """Return the trace id of a valid `traceparent`, else `X-Trace-ID` as it stands, else a new one; and its bytes.

    A header's bytes are UTF-8 by custom, and Latin-1 by HTTP/1.1's tradition. What comes back is what was sent.
    """
    # The first of each counts, as everywhere in Starlette, whose Headers would be read once for each name.
    traceparent = given = None
    for name, value in headers:
        if name == b"traceparent" and traceparent is None:
            traceparent = value
        elif name == b"x-trace-id" and given is None:
            given = value
    if traceparent and (match := _TRACEPARENT.fullmatch(traceparent)):
        return match.group(1).decode("ascii"), match.group(1)
    if not given:
        made = secrets.token_hex(16)
        return made, made.encode()
    try:
        return given.decode(), given
    except UnicodeDecodeError:
        return given.decode("latin-1"), given


current_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""Of the request that is being handled, for what is logged meanwhile."""


class TraceMiddleware:
    """Sets `request.state.trace_id` and answers with X-Trace-ID. Pure ASGI: it stands on the way of every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trace_id, sent = trace_id_of(scope["headers"])
        state: dict[str, Any] = scope.setdefault("state", {})
        state["trace_id"] = trace_id
        current_trace_id.set(trace_id)  # each request has a context of its own

        async def send_with_trace_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-trace-id", sent)]
            await send(message)

        await self.app(scope, receive, send_with_trace_id)
