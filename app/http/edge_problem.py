"""Problems that are sent before the application hears of a request."""

import json
import logging
import secrets
from http import HTTPStatus
from typing import Any

from app.telemetry import metrics

logger = logging.getLogger("ringfence")


def edge_problem(status: int, kind: str, detail: str, *, closes: bool, with_body: bool = True) -> bytes:
    """Return a whole answer, and count it. closes: whether the connection ends with it. with_body: not for HEAD."""
    metrics.REFUSED.labels(kind).inc()
    if status != 503:  # of those there can be thousands a second
        logger.warning("refused before the application: %s", detail)
    trace_id = secrets.token_hex(16)
    phrase = HTTPStatus(status).phrase
    problem: dict[str, Any] = {"type": f"urn:ringfence:problem:{kind}", "title": phrase, "status": status}
    content = json.dumps({**problem, "detail": detail, "trace_id": trace_id})
    head = [
        f"HTTP/1.1 {status} {phrase}",
        "content-type: application/problem+json",
        f"x-trace-id: {trace_id}",
        f"content-length: {len(content)}",
    ]
    if status in (408, 503):
        head.append("retry-after: 1")
    if closes:
        head.append("connection: close")
    return "\r\n".join([*head, "", content if with_body else ""]).encode()
