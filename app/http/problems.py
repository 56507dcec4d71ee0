"""Refusals as HTTP: RFC 9457 problems, their status and headers.

`type` is stable and is what a program should look at; `detail` is for people and may change. No problem carries SQL,
a stack trace, another tenant's data, or what the caller sent.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.http.allowed_methods import allowed_methods
from app.model.refusals import (
    AgentUnknown,
    DatabaseUnavailable,
    ExportsBusy,
    IdempotencyKeyReused,
    InvalidRequest,
    LiveDisabled,
    MetricsRefused,
    OutcomeNotRecorded,
    OutcomeUnknown,
    RecordNotFound,
    RingfenceError,
    ScopeMissing,
    StorageUnavailable,
    TenantHeaderRefused,
    TenantMismatch,
    TenantMissing,
    TenantUnknown,
    Unauthenticated,
)
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
"""What the framework refuses. Not its own phrases: they differ between versions of Python, and a type is stable."""

INTERNAL_ERROR = "internal-error"
_MOST_ERRORS = 20
_MOST_CHARACTERS_OF_A_NAME = 64
PROBLEM_MEDIA_TYPE = "application/problem+json"

_UNAVAILABLE = (503, {"Retry-After": "1"})
_HTTP: dict[type[RingfenceError], tuple[int, Mapping[str, str]]] = {
    InvalidRequest: (422, {}),
    IdempotencyKeyReused: (422, {}),
    Unauthenticated: (401, {"WWW-Authenticate": 'Bearer realm="ringfence"'}),
    ScopeMissing: (403, {}),
    TenantMissing: (400, {}),
    TenantUnknown: (403, {}),
    TenantMismatch: (403, {}),
    TenantHeaderRefused: (403, {}),
    MetricsRefused: (403, {}),
    LiveDisabled: (403, {}),
    AgentUnknown: (404, {}),
    RecordNotFound: (404, {}),
    StorageUnavailable: _UNAVAILABLE,
    DatabaseUnavailable: _UNAVAILABLE,
    OutcomeUnknown: _UNAVAILABLE,
    ExportsBusy: (503, {"Retry-After": "10"}),
    OutcomeNotRecorded: (503, {}),
}
"""Status and headers of each refusal."""

STATUSES = {
    **{kind: status for status, kind in FRAMEWORK_KINDS.items()},
    INTERNAL_ERROR: 500,
    **{refusal.kind: status for refusal, (status, _) in _HTTP.items()},
}
"""Every kind of problem that a caller may be told, with its status."""


def problem(
    request: Request,
    status: int,
    kind: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render one problem. `errors`: the refused fields, each {"field", "detail"} and perhaps a place."""
    body: dict[str, Any] = {
        "type": f"urn:ringfence:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "trace_id": request.state.trace_id,
    }
    if errors is not None:
        body["errors"] = errors
    metrics.REFUSED.labels(kind).inc()
    # A 404 without it may be kept by a cache, and answered once the record is there.
    return Response(json.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, PROBLEM_MEDIA_TYPE)


def _refused_field(found: Mapping[str, Any]) -> dict[str, str]:
    """Translate one error of pydantic, whose own report repeats the input: it may be a prompt or personal data."""
    place, *names = found["loc"]
    if found["type"] == "json_invalid":
        return {"field": str(place), "detail": f"not JSON at character {names[0]}: {found['ctx']['error']}"}
    # A made-up name may be anything, a whole prompt for one.
    named = ".".join(str(name)[:_MOST_CHARACTERS_OF_A_NAME] for name in names or [place])
    return {"field": named, "detail": found["msg"]}


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem."""

    @app.exception_handler(RingfenceError)
    async def refused(request: Request, error: RingfenceError) -> Response:
        if isinstance(error, Unauthenticated):
            logger.warning("an API key was refused: %s", error.reason)
        status, headers = _HTTP[type(error)]
        return problem(request, status, error.kind, error.detail, error.errors, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        errors = [_refused_field(each) for each in found[:_MOST_ERRORS]]
        detail = "; ".join(f"{e['field']}: {e['detail']}" for e in errors)
        if len(found) > _MOST_ERRORS:
            detail += f"; and {len(found) - _MOST_ERRORS} more"
        return problem(request, 422, "invalid-request", detail, errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        kind = FRAMEWORK_KINDS.get(error.status_code, "bad-request")
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = allowed_methods(app.routes, request.scope)
        return problem(request, error.status_code, kind, error.detail, headers=headers)
