"""POST /api/v1/audit/logs."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from app.http.body import MAX_STREAM_SECONDS, held, off_the_loop, stream
from app.http.credentials import credential_of
from app.http.openapi import component, refusals
from app.http.schemas import NewRecord, RecordsResponse, TenantQuery
from app.http.strict_route import StrictRoute
from app.model.refusals import InvalidRequest
from app.routers.state import AppRequest
from app.services.intake import JSON, NDJSON


class _Route(StrictRoute):
    scopes = frozenset({"write", "import"})  # which of them is needed depends on the records


router = APIRouter(route_class=_Route)

_RECORD = component(NewRecord)
# FastAPI does not know the body: it is read here, while it comes in.
_DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"oneOf": [_RECORD, {"type": "array", "items": _RECORD, "minItems": 1}]}},
            NDJSON: {"schema": {"type": "string", "description": "One record a line, at most 100,000."}},
        },
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "With the same body within 24 hours: the same answer, and nothing stored twice.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    ],
}


@router.post(
    "/api/v1/audit/logs",
    status_code=201,
    response_model=RecordsResponse,
    responses=refusals(401, 403, 413, 415, 422),
    operation_id="writeAuditLogs",
    tags=["audit"],
    openapi_extra=_DOCUMENT,
)
async def write_audit_logs(query: Annotated[TenantQuery, Query()], request: AppRequest) -> JSONResponse:
    """Store records from elsewhere, all or none. Answered once they are committed."""
    credential = credential_of(request, query.tenant_id)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (JSON, NDJSON):
        raise InvalidRequest.field("body", f"{JSON} or {NDJSON} is needed")
    keys = request.headers.getlist("idempotency-key")
    if len(keys) > 1:
        raise InvalidRequest.field("Idempotency-Key", "is given more than once")
    settings, caller = request.state["settings"], request.state["caller"]
    assert caller  # without one, credential_of() has refused the request
    body = (
        held(request, settings.max_body_bytes, f"; send more records as {NDJSON}")
        if media_type == JSON
        else stream(request, settings.max_bulk_bytes, MAX_STREAM_SECONDS)
    )
    taken = await request.state["bulk_intake"].take(
        credential,
        caller,
        body,
        media_type,
        keys[0] if keys else None,
        partial(off_the_loop, request),
    )
    return JSONResponse({**taken.stored.as_response(), "count": taken.count, "id": taken.id}, 201)
