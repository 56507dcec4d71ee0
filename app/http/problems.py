"""Refusals in HTTP: RFC 9457 problems, with their status and headers.

`type` is stable, for programs; `detail` is for people and may change. No problem holds SQL, a stack trace, another
tenant's data, or anything that the caller sent.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match, Route

from app.http.state import EdgeState
from app.model import refusals
from app.model.refusals import RingfenceError
from app.telemetry import metrics

logger = logging.getLogger("ringfence")

FRAMEWORK_KINDS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
    415: "unsupported-encoding",
    431: "head-too-large",
}
"""Kinds by status, for HTTPException. Python's own phrases differ between versions, and a type is stable."""
_REFUSALS: dict[int, list[type[RingfenceError]]] = {
    400: [refusals.TenantMissing],
    401: [refusals.Unauthenticated],
    403: [
        refusals.ScopeMissing, refusals.TenantUnknown, refusals.TenantMismatch, refusals.TenantHeaderRefused,
        refusals.MetricsRefused, refusals.LiveDisabled,
    ],
    404: [refusals.AgentUnknown, refusals.RecordNotFound],
    409: [refusals.NotSealedYet, refusals.FeedPositionLost],
    410: [refusals.Pruned],
    413: [refusals.BodyTooLarge],
    422: [refusals.InvalidRequest, refusals.IdempotencyKeyReused],
    500: [refusals.TreeContradictsItself],
    501: [refusals.ExportUnavailable, refusals.EvidenceUnavailable, refusals.ViewLinksUnavailable],
    503: [
        refusals.StorageUnavailable, refusals.DatabaseUnavailable, refusals.OutcomeUnknown, refusals.ExportsBusy,
        refusals.OutcomeNotRecorded,
    ],
}  # fmt: skip
_STATUS_OF = {refusal: status for status, kinds in _REFUSALS.items() for refusal in kinds}
_RETRY_AT_ONCE = {"Retry-After": "1"}
_HEADERS_OF: dict[type[RingfenceError], dict[str, str]] = {
    refusals.Unauthenticated: {"WWW-Authenticate": 'Bearer realm="ringfence"'},
    refusals.StorageUnavailable: _RETRY_AT_ONCE,
    refusals.DatabaseUnavailable: _RETRY_AT_ONCE,
    refusals.OutcomeUnknown: _RETRY_AT_ONCE,
    refusals.ExportsBusy: {"Retry-After": "10"},
    refusals.NotSealedYet: {"Retry-After": "2"},
}
INTERNAL_ERROR = "internal-error"
STATUSES = {
    **{kind: status for status, kind in FRAMEWORK_KINDS.items()},
    INTERNAL_ERROR: 500,
    **{refusal.kind: status for refusal, status in _STATUS_OF.items()},
}
"""Every kind of problem, with its status."""

PROBLEM_MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 20
_MAX_FIELD_NAME_LENGTH = 64


def problem(
    request: Request[EdgeState],
    status: int,
    kind: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render one problem. errors: the refused fields, each {"field", "detail"} and perhaps a line or position."""
    body = _body(status, kind, detail, request.state["trace_id"], errors)
    # A cache may keep a 404 that does not say no-store, and answer with it once the record exists.
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, PROBLEM_MEDIA_TYPE)


class Description(NamedTuple):
    """What an error is in HTTP: the arguments of problem()."""

    status: int
    kind: str
    detail: str
    errors: list[dict[str, Any]] | None = None
    headers: Mapping[str, str] | None = None


def described(error: RingfenceError | RequestValidationError | HTTPException) -> Description:
    """Return what `error` is in HTTP, for a problem or a page."""
    if isinstance(error, RingfenceError):
        return Description(
            _STATUS_OF[type(error)], error.kind, error.detail, error.errors, _HEADERS_OF.get(type(error))
        )
    if isinstance(error, HTTPException):
        kind = FRAMEWORK_KINDS.get(error.status_code, "bad-request")
        return Description(error.status_code, kind, error.detail, headers=error.headers)
    found = error.errors()
    errors = [_refused_field(each) for each in found[:_MAX_ERRORS]]
    detail = "; ".join(f"{e['field']}: {e['detail']}" for e in errors)
    if len(found) > _MAX_ERRORS:
        detail += f"; and {len(found) - _MAX_ERRORS} more"
    return Description(422, "invalid-request", detail, errors)


def edge_problem(status: int, kind: str, detail: str, *, closes: bool, with_body: bool = True) -> bytes:
    """Render one problem as a whole HTTP/1.1 response, for a request that never reaches the application.

    closes: whether the connection ends with it. with_body: False for HEAD.
    """
    if status != 503:  # a flood gets thousands of 503 a second
        logger.warning("refused before the application: %s", detail)
    trace_id = secrets.token_hex(16)
    body = _body(status, kind, detail, trace_id)
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"content-type: {PROBLEM_MEDIA_TYPE}",
        f"x-trace-id: {trace_id}",
        f"content-length: {len(body)}",
    ]
    if status in (408, 503):
        head.append("retry-after: 1")
    if closes:
        head.append("connection: close")
    return "\r\n".join([*head, "", body if with_body else ""]).encode()


def _body(status: int, kind: str, detail: str, trace_id: str, errors: list[dict[str, Any]] | None = None) -> str:
    """Return a problem as JSON, and count it."""
    metrics.REFUSED.labels(kind).inc()
    found: dict[str, Any] = {
        "type": f"urn:ringfence:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "trace_id": trace_id,
    }
    return json.dumps(found if errors is None else {**found, "errors": errors})


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem, and answer OPTIONS, which no route does."""

    @app.exception_handler(RingfenceError)
    async def refused(request: Request[EdgeState], error: RingfenceError) -> Response:
        if isinstance(error, refusals.Unauthenticated):
            logger.warning("an API key was refused: %s", error.reason)
        return problem(request, *described(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request[EdgeState], error: RequestValidationError) -> Response:
        return problem(request, *described(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request[EdgeState], error: HTTPException) -> Response:
        found = described(error)
        headers = dict(found.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = _allowed_methods(app, request)
            headers["Allow"] = ", ".join(sorted(allowed))
            if request.method == "OPTIONS" and "OPTIONS" in allowed:
                return Response(status_code=204, headers=headers)
        return problem(request, *found._replace(headers=headers))


def _allowed_methods(app: FastAPI, request: Request[EdgeState]) -> set[str]:
    """Return the methods of every route that matches the request's path. A mount has files: GET and HEAD."""
    allowed: set[str] = set()
    # Compare the whole path: a mount that has taken its first part has moved that to root_path.
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", request.scope.get("root_path", ""))}
    for route in app.routes:
        if route.matches(scope)[0] is not Match.NONE:
            allowed |= {*(route.methods or ()), "OPTIONS"} if isinstance(route, Route) else {"GET", "HEAD"}
    return allowed


def _refused_field(found: Mapping[str, Any]) -> dict[str, str]:
    """Translate one error of pydantic, without the input that pydantic repeats: it may be a prompt or personal data."""
    place, *names = found["loc"]
    if found["type"] == "json_invalid":
        return {"field": str(place), "detail": f"not JSON at character {names[0]}: {found['ctx']['error']}"}
    # The caller makes up the names of unknown fields: one may be a whole prompt.
    named = ".".join(str(name)[:_MAX_FIELD_NAME_LENGTH] for name in names or [place])
    return {"field": named, "detail": found["msg"]}
