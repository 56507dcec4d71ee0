"""GET /api/v1/audit/logs, /api/v1/audit/logs/export, /api/v1/audit/logs/{id}, and /api/v1/audit/admin-events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.http.credentials import credential_of
from app.http.openapi import refusals
from app.http.schemas import AdminEventsResponse, AuditRecord, ListResponse, TenantQuery
from app.http.strict_route import StrictRoute
from app.model.query import AdminEventsQuery, ExportQuery, ListQuery
from app.model.record_checks import check_uuid
from app.routers.export_response import MEDIA_TYPES, export
from app.routers.json_text import JsonText
from app.routers.state import AppRequest


class _Route(StrictRoute):
    scopes = frozenset({"read"})


router = APIRouter(prefix="/api/v1/audit", tags=["audit"], route_class=_Route)


@router.get("/logs", operation_id="listAuditLogs", response_model=ListResponse, responses=refusals(401, 403, 422))
async def list_audit_logs(query: Annotated[ListQuery, Query()], request: AppRequest) -> Response:
    """List the tenant's records, newest first unless `order=asc`."""
    credential = credential_of(request, query.tenant_id)
    return JsonText(await request.state["audit_logger"].read_logs(credential, query))


@router.get(
    "/admin-events",
    operation_id="listAdminEvents",
    response_model=AdminEventsResponse,
    responses=refusals(401, 403, 422),
)
async def list_admin_events(query: Annotated[AdminEventsQuery, Query()], request: AppRequest) -> Response:
    """List what was done to the tenant, its API keys and its records, newest first unless `order=asc`."""
    credential = credential_of(request, query.tenant_id)
    return JsonText(await request.state["audit_logger"].read_admin_events(credential, query))


@router.get(
    "/logs/export",
    operation_id="exportAuditLogs",
    response_class=Response,
    responses={
        200: {"content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()}},
        **refusals(401, 403, 409, 422, 501),
    },
)
async def export_audit_logs(query: Annotated[ExportQuery, Query()], request: AppRequest) -> Response:
    """Export the tenant's records that match the filters. The export is recorded before it is sent.

    It is complete if its last line says so: `{"complete": true, "count": n}`, or `#complete,n` in CSV. With
    `format=evidence` it is what verifies the records offline, and ends with `{"complete":true,"records":n}`.
    """
    return await export(request, query)


@router.get(
    "/logs/{id}", operation_id="getAuditLog", response_model=AuditRecord, responses=refusals(401, 403, 404, 422)
)
async def get_audit_log(
    id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],  # noqa: A002  the name in the document
    query: Annotated[TenantQuery, Query()],
    request: AppRequest,
) -> Response:
    """Show one record of the tenant, in the form of a list's items. An id of another tenant is answered as unknown."""
    check_uuid("id", id)
    credential = credential_of(request, query.tenant_id)
    return JsonText(await request.state["audit_logger"].read_log(credential, UUID(id)))
