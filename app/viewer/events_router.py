"""GET /view/events: what was done to the tenant, its keys and its records."""

import json
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from app.http.credentials import credential_of
from app.model.field_types import TenantId, Text
from app.model.query import ACTS, Act, AdminEventsQuery, Closed
from app.routers.state import AppRequest
from app.viewer.rendering import page
from app.viewer.route import TenantRoute
from app.viewer.sentences import when

router = APIRouter(prefix="/view", route_class=TenantRoute, include_in_schema=False)

_PAGE = 100
"""Events of one page."""


class _EventsQuery(Closed):
    act: Act | None = None
    cursor: Text | None = None
    tenant_id: TenantId = None


@router.get("/events")
async def list_events(query: Annotated[_EventsQuery, Query()], request: AppRequest) -> Response:
    """Show a page of the tenant's administrative events, newest first."""
    asked = AdminEventsQuery(act=query.act, cursor=query.cursor, limit=_PAGE)
    credential = credential_of(request, query.tenant_id)
    found = json.loads(await request.state["audit_logger"].read_admin_events(credential, asked))
    utc = ZoneInfo("UTC")
    return page(
        request,
        "events.html",
        query=query,
        acts=ACTS,
        rows=[(item, when(item["created_at"], utc)) for item in found["items"]],
        next_cursor=found["next_cursor"],
    )
