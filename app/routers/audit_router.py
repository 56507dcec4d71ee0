"""GET /api/v1/audit/logs, and /api/v1/audit/admin-events."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.credentials import credential_of
from app.models import AdminEventsQuery, AdminEventsResponse, ListQuery, ListResponse
from app.routers.responses import refusals
from app.strict_requests import StrictRoute

router = APIRouter(route_class=StrictRoute)


@router.get("/api/v1/audit/logs", response_model=ListResponse, responses=refusals(403))
async def list_audit_logs(query: Annotated[ListQuery, Query()], request: Request) -> Response:
    """List the tenant's records, newest first unless `order=asc`. The page is the store's JSON text, untouched."""
    page = await request.app.state.audit_logger.read_logs(credential_of(request, query.tenant_id), query)
    return Response(page, media_type="application/json")


@router.get("/api/v1/audit/admin-events", response_model=AdminEventsResponse, responses=refusals(403))
async def list_admin_events(query: Annotated[AdminEventsQuery, Query()], request: Request) -> Response:
    """List what administrators did to the tenant and its API keys, newest first."""
    credential = credential_of(request, query.tenant_id)
    events = await request.app.state.audit_logger.read_admin_events(credential, query.limit)
    return Response(events, media_type="application/json")
