"""GET /api/v1/audit/feed."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.http.credentials import credential_of
from app.http.disconnection import disconnected
from app.http.openapi import refusals
from app.http.strict_route import StrictRoute
from app.model.query import FeedQuery
from app.routers.state import AppRequest


class _Route(StrictRoute):
    scopes = frozenset({"read"})


class _Lines(Response):
    """Lines of JSON from the store, passed through unchanged."""

    media_type = "application/x-ndjson"


router = APIRouter(prefix="/api/v1/audit", tags=["audit"], route_class=_Route)

_FEED = """\
{"epoch":1,"leaf_index":0,"leaf_hash":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",\
"id":"01a204ce-066a-7609-8de6-97e408bf49d8","trace_id":"4711","tenant_id":"acme","agent_id":"credit-scoring","mode":"LIVE",\
"status":"success","http_status":200,"latency_ms":41,"user_id":"jane","error":null,\
"created_at":"2026-11-22T19:49:00.650996Z","recorded_at":"2026-11-22T19:49:00.651012Z","api_key_id":"98ad53c47f631b51",\
"context":null}
{"position":"1.1.2c26b46b68ffc68f","count":1,"has_more":false,"checkpoint":null}
"""


@router.get(
    "/feed",
    operation_id="readFeed",
    response_class=_Lines,
    responses={
        200: {
            "description": "A line for each record, and a last one with the position to go on after",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": _FEED}},
        },
        **refusals(401, 403, 409, 422, 501),
    },
)
async def read_feed(query: Annotated[FeedQuery, Query()], request: AppRequest) -> Response:
    """Read the tenant's sealed records in the order of its tree, which has no gap and never changes.

    Keep the position of the last line, and send it as `after` next time: nothing is lost, and nothing comes twice.
    """
    credential = credential_of(request, query.tenant_id)
    slot = request.state["slot"]
    gone = asyncio.create_task(disconnected(request.receive))
    try:
        return _Lines(await request.state["feeds"].read(credential, query, gone, slot.block if slot else None))
    finally:
        gone.cancel()
