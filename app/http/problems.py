"""What a caller can be told went wrong, as RFC 9457 problems.

RingfenceError
├── InvalidRequest       422  a field breaks a rule; `errors` names each one, and of many records the line or index
├── IdempotencyKeyReused 422  the Idempotency-Key came before, with another body
├── Unauthenticated      401  no API key that opens anything; why is in the service's log alone
├── ScopeMissing         403  the API key may not do that
├── TenantMissing        400  the request names no tenant (where a gateway names it)
├── TenantUnknown        403  the tenant is not registered
├── TenantMismatch       403  the request names two tenants, or another one than its key opens
├── TenantHeaderRefused  403  the service does not believe callers who can reach it from elsewhere
├── MetricsRefused       403  metrics are for this machine, or for a caller with the token
├── LiveDisabled         403  LIVE while LIVE_ENABLED is off; the refusal is recorded
├── AgentUnknown         404  LIVE for an agent that the operator has not configured; the refusal is recorded
├── RecordNotFound       404  the tenant has no record with this id; another tenant may have one
├── StorageUnavailable   503  nothing was stored; the same request may be sent again
│   └── DatabaseAway          the same; the reason passes by itself, so a record may wait for the database on the spool
├── OutcomeUnknown       503  the connection was lost in a commit, and whether it happened could not be found out
├── ExportsBusy          503  as many exports are being sent as this service sends at once; nothing was recorded
└── OutcomeNotRecorded   503  the agent was called and its outcome could not be stored; the `started` record stands

`type` is stable and is what a program should look at; `detail` is for people and may change. No problem carries SQL,
a stack trace, another tenant's data, or what the caller sent.
"""

import json
import logging
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.allowed_methods import allowed_methods
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


class RingfenceError(Exception):
    """Base of everything the service refuses on purpose; `status` and `kind` are those of its problem."""

    status: ClassVar[int]
    kind: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class InvalidRequest(RingfenceError):
    """A field breaks a rule. `errors`: one {"field", "detail"} for each.

    position: of many records, which one breaks it, from 1; None where that is not known, or was said already.
    """

    status = 422
    kind = "invalid-request"
    position: int | None = None

    @classmethod
    def field(cls, name: str, detail: str) -> "InvalidRequest":
        """One refused field."""
        return cls(f"{name}: {detail}", [{"field": name, "detail": detail}])


class IdempotencyKeyReused(RingfenceError):
    """The Idempotency-Key was used with another body in the last 24 hours."""

    status = 422
    kind = "idempotency-key-reused"


class Unauthenticated(RingfenceError):
    """The request carries no API key that opens anything."""

    status = 401
    kind = "unauthenticated"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="ringfence"'}

    def __init__(self, reason: str) -> None:
        """reason: for the service's log alone."""
        super().__init__("a valid API key is needed: send Authorization: Bearer rf_...")
        self.reason = reason


class ScopeMissing(RingfenceError):
    """The API key may not do what the request asks."""

    status = 403
    kind = "scope-missing"


class TenantHeaderRefused(RingfenceError):
    """Tenants are named by the caller, and the service listens where anybody may call."""

    status = 403
    kind = "tenant-header-refused"


class TenantMissing(RingfenceError):
    """The request names no tenant."""

    status = 400
    kind = "tenant-missing"


class TenantUnknown(RingfenceError):
    """The tenant is not registered."""

    status = 403
    kind = "tenant-unknown"


class TenantMismatch(RingfenceError):
    """The request names two tenants, or another one than its API key opens."""

    status = 403
    kind = "tenant-mismatch"


class MetricsRefused(RingfenceError):
    """The caller is elsewhere, and has not the token."""

    status = 403
    kind = "metrics-refused"


class LiveDisabled(RingfenceError):
    """LIVE was asked for while LIVE_ENABLED is off."""

    status = 403
    kind = "live-disabled"


class AgentUnknown(RingfenceError):
    """LIVE was asked for an agent that the operator has not configured."""

    status = 404
    kind = "agent-unknown"


class RecordNotFound(RingfenceError):
    """The tenant has no record with this id. Another tenant's record is answered in the same words."""

    status = 404
    kind = "record-not-found"


class StorageUnavailable(RingfenceError):
    """The database or the file cannot be used right now; nothing was stored."""

    status = 503
    kind = "storage-unavailable"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class DatabaseAway(StorageUnavailable):
    """The database cannot be reached, or cannot write right now. Nothing was stored."""


class OutcomeUnknown(RingfenceError):
    """A record may be stored or not. Sent again with the same id, it is stored once; without one, perhaps twice."""

    status = 503
    kind = "outcome-unknown"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class ExportsBusy(RingfenceError):
    """As many exports are under way as the service sends at once. Nothing was recorded."""

    status = 503
    kind = "exports-busy"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "10"}


class OutcomeNotRecorded(RingfenceError):
    """The agent was called, and how that ended could not be stored. Repeating the request calls the agent again."""

    status = 503
    kind = "outcome-not-recorded"


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
        return problem(request, error.status, error.kind, error.detail, error.errors, error.headers)

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
