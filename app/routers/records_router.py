"""POST /api/v1/audit/logs."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from app.http.credentials import credential_of
from app.http.responses import component, refusals
from app.http.schemas import NewRecord, RecordsResponse, TenantQuery
from app.http.strict_route import StrictRoute
from app.routers.state import AppRequest
from app.services.intake import JSON, NDJSON


class _Route(StrictRoute):
    scopes = frozenset({"write", "import"})  # which of them, is for the records to say


router = APIRouter(route_class=_Route)

_RECORD = component(NewRecord)
# The body is read by hand, as it comes in, so FastAPI knows nothing of it.
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
    return JSONResponse(await request.state["bulk_intake"].take(credential, request), 201)
