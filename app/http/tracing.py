"""The middleware that makes a span of each request, for the operator's own traces of the service."""

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.middleware import METHODS

_OF_A_TRACE = (b"traceparent", b"x-trace-id")


class TracingMiddleware:
    """Makes a server span of each request, which continues the caller's trace.

    It says route, method and status, and nothing that a caller has chosen: no path, query, header, user or tenant, and
    none of the vendors' fields in tracestate. A request that comes without a trace id gets that of its span, so that
    its records are found by it.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self.app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = {name: value.decode("latin-1") for name, value in reversed(scope["headers"]) if name in _OF_A_TRACE}
        traceparent = {"traceparent": given[b"traceparent"]} if b"traceparent" in given else {}
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        span = self._tracer.start_span(
            method,
            TraceContextTextMapPropagator().extract(traceparent),
            SpanKind.SERVER,
            {"http.request.method": method},
        )
        context = span.get_span_context()
        if not given and context.is_valid:
            made = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
            scope = {**scope, "headers": [*scope["headers"], (b"traceparent", made.encode())]}

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note_status(span, message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except BaseException:
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            if "route" in scope:
                route = scope["route"].path_format
                span.set_attribute("http.route", route)
                span.update_name(f"{method} {route}")
            span.end()


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
