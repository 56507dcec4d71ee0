"""Middleware that every request passes: metrics, the trace id, and the answer to what nobody expected. Pure ASGI."""

import logging
import time
import traceback
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.problems import INTERNAL_ERROR, problem
from app.telemetry.metrics import REQUESTS, SECONDS, UnderWay
from app.telemetry.trace_id import current_trace_id, trace_id_of

logger = logging.getLogger("ringfence")
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"})


class MetricsMiddleware:
    """Counts and times every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0

        async def remember(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        UnderWay.requests += 1
        try:
            await self.app(scope, receive, remember)
        finally:
            UnderWay.requests -= 1
            route = scope.get("route_template", "unmatched")
            SECONDS.labels(route).observe(time.perf_counter() - started)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            REQUESTS.labels(method, route, str(status)).inc()


class TraceMiddleware:
    """Sets `request.state.trace_id` and answers with X-Trace-ID."""

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


class LastResortMiddleware:
    """Answers what nobody expected with a problem, and logs where it happened but not what was said.

    Pure ASGI, and the last to see an error: the server's own log would print the message, which may quote the caller.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        answered = False

        async def remember(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, receive, remember)
        except Exception as error:
            if scope["type"] != "http":
                raise
            places = (f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__))
            logger.error("unexpected %s at %s", type(error).__qualname__, " < ".join(reversed(list(places))))
            if answered:
                raise ConnectionAbortedError from None  # half an answer must not look like a whole one
            response = problem(Request(scope), 500, INTERNAL_ERROR, "the service failed; nothing was acknowledged")
            await response(scope, receive, send)
