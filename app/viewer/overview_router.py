"""GET /view/overview: how the trail of a tenant stands."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from app.http.credentials import credential_of
from app.model.query import ListQuery
from app.routers.state import AppRequest
from app.viewer.chart import HEIGHT, WIDTH, bars_by_hour
from app.viewer.rendering import page
from app.viewer.route import TenantRoute
from app.viewer.sentences import when
from app.viewer.view_query import RecordQuery, zone_of

router = APIRouter(prefix="/view", route_class=TenantRoute, include_in_schema=False)

_MOST = 1000
"""Stands for as many or more, in the count of an hour."""


@router.get("/overview")
async def show_overview(query: Annotated[RecordQuery, Query()], request: AppRequest) -> Response:
    """Show the newest 24 hours, the evidence, terms, holds and keys of the tenant."""
    credential = credential_of(request, query.tenant_id)
    store = request.state["audit_logger"]
    found = json.loads(await store.summarize(credential))
    agents = json.loads(await store.count_logs(credential, ListQuery()))
    zone = zone_of(query.zone)
    hours = [
        (_hour(each["hour"], zone), each["records"], each["error"], each["denied"]) for each in found["hours"] or []
    ]
    return page(
        request,
        "overview.html",
        query=query,
        hours=hours,
        most=_MOST,
        chart=bars_by_hour(hours),
        width=WIDTH,
        height=HEIGHT,
        agents=agents,
        checkpoint=found["checkpoint"],
        checkpoint_age=_age(found["checkpoint"]["signed_at"]) if found["checkpoint"] else "",
        sealing=found["sealing"],
        retention=found["retention"],
        holds=found["holds"],
        keys=[_key(each, zone) for each in found["api_keys"]],
        when=lambda text: when(text, zone),
    )


def _hour(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%d %H:%M")


def _age(text: str) -> str:
    """Return the time since `text`, in its largest unit."""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds} seconds"


def _key(key: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Return a key with a word for what it is good for now."""
    if key["revoked_at"]:
        state = f"revoked {when(key['revoked_at'], zone)}"
    elif key["expires_at"] is None:
        state = "in force"
    elif datetime.fromisoformat(key["expires_at"]) <= datetime.now(UTC):
        state = f"expired {when(key['expires_at'], zone)}"
    else:
        state = f"in force until {when(key['expires_at'], zone)}"
    return {**key, "state": state}
