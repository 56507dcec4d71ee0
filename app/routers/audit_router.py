"""GET /api/v1/audit/logs, /api/v1/audit/logs/export, and /api/v1/audit/admin-events."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.credentials import credential_of
from app.models import AdminEventsQuery, AdminEventsResponse, ExportQuery, ListQuery, ListResponse
from app.routers.export_response import MEDIA_TYPES, ExportResponse, accepts_gzip
from app.routers.responses import refusals
from app.strict_requests import StrictRoute

router = APIRouter(route_class=StrictRoute)


@router.get("/api/v1/audit/logs", response_model=ListResponse, responses=refusals(403))
async def list_audit_logs(query: Annotated[ListQuery, Query()], request: Request) -> Response:
    """List the tenant's records, newest first unless `order=asc`. The page is the store's JSON text, untouched."""
    page = await request.app.state.audit_logger.read_logs(credential_of(request, query.tenant_id), query)
    return Response(page, media_type="application/json")


@router.get(
    "/api/v1/audit/logs/export",
    response_class=Response,
    responses={200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}}, **refusals(403)},
)
async def export_audit_logs(query: Annotated[ExportQuery, Query()], request: Request) -> Response:
    """Export the tenant's records, as many as the filters find. The export is recorded before it is sent.

    It is complete if its last line says so: `{"complete": true, "count": n}`, or `#complete,n` in CSV.
    """
    export = await request.app.state.exports.begin(credential_of(request, query.tenant_id), query)
    return ExportResponse(export, query.format, gzip=accepts_gzip(request.headers.getlist("accept-encoding")))


@router.get("/api/v1/audit/admin-events", response_model=AdminEventsResponse, responses=refusals(403))
async def list_admin_events(query: Annotated[AdminEventsQuery, Query()], request: Request) -> Response:
    """List what was done to the tenant, its API keys and its records, newest first unless `order=asc`."""
    events = await request.app.state.audit_logger.read_admin_events(credential_of(request, query.tenant_id), query)
    return Response(events, media_type="application/json")
