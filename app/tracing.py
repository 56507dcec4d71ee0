"""One trace id for each request: taken from the caller, stored with the record, given back in X-Trace-ID."""

import re
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# W3C Trace Context: version, trace id, parent id, flags. All-zero ids and version ff are invalid, and version 00 ends
# with the flags; a later one may go on.
_TRACEPARENT = re.compile(
    r"(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id_of(headers: Headers) -> str:
    """Return the trace id of a valid `traceparent`, else `X-Trace-ID` as it stands, else a new one."""
    if match := _TRACEPARENT.fullmatch(headers.get("traceparent", "")):
        return match.group(1)
    return headers.get("x-trace-id") or uuid.uuid4().hex


class TraceMiddleware:
    """Sets `request.state.trace_id` and answers with X-Trace-ID. Pure ASGI: it stands on the way of every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trace_id = trace_id_of(Headers(scope=scope))
        state: dict[str, Any] = scope.setdefault("state", {})
        state["trace_id"] = trace_id

        async def send_with_trace_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Trace-ID"] = trace_id
            await send(message)

        await self.app(scope, receive, send_with_trace_id)
