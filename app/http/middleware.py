"""The middleware of every request, in pure ASGI: trace id, metrics, and a problem for an unexpected error."""

import logging
import time

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.problems import INTERNAL_ERROR, problem
from app.telemetry.logs import describe_exception
from app.telemetry.metrics import REQUESTS, SECONDS, UnderWay
from app.telemetry.trace_id import current_trace_id, trace_id_of

logger = logging.getLogger("ringfence")
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"})
"""Other methods are counted together: a caller makes up their names."""


class RequestMiddleware:
    """Gives a request its trace id, counts and times it, and answers an unexpected error.

    An error is logged as its kind and place only: the server's own log would print the message, which may quote the
    caller.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trace_id, sent_trace_id = trace_id_of(scope["headers"])
        scope.setdefault("state", {})["trace_id"] = trace_id
        current_trace_id.set(trace_id)  # each request runs in a context of its own
        status = 0

        async def send_with_trace_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-trace-id", sent_trace_id)]
            await send(message)

        started = time.perf_counter()
        UnderWay.requests += 1
        try:
            await self.app(scope, receive, send_with_trace_id)
        except Exception as error:
            logger.error("unexpected %s", describe_exception(type(error), error.__traceback__))
            if status:
                raise ConnectionAbortedError from None  # cut: half an answer must not look like a whole one
            response = problem(Request(scope), 500, INTERNAL_ERROR, "the service failed; nothing was acknowledged")
            await response(scope, receive, send_with_trace_id)
        finally:
            UnderWay.requests -= 1
            route = scope["route"].path_format if "route" in scope else "unmatched"
            SECONDS.labels(route).observe(time.perf_counter() - started)
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(method, route, str(status)).inc()
