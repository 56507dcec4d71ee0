"""POST /api/v1/agents/{agent_id}/execute."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from app.credentials import credential_of
from app.load_shedding import Slot
from app.models import ExecuteQuery, ExecuteRequest, ExecuteResponse
from app.routers.responses import refusals
from app.strict_requests import StrictRoute


class _Route(StrictRoute):
    scopes = frozenset({"write"})


router = APIRouter(route_class=_Route)


@router.post("/api/v1/agents/{agent_id}/execute", response_model=ExecuteResponse, responses=refusals(403, 404, 413))
async def execute(
    agent_id: str, body: ExecuteRequest, query: Annotated[ExecuteQuery, Query()], request: Request
) -> JSONResponse:
    """Execute an agent, or, in DRY_RUN, say what would be called. Answered once the record is committed."""
    credential = credential_of(request, query.tenant_id, body.tenant_id)
    slot: Slot | None = getattr(request.state, "slot", None)  # there is none without app/http_protocol.py
    outcome = await request.app.state.executions.execute(
        credential, request.state.trace_id, agent_id, body, wait_elsewhere=slot.wait_elsewhere if slot else None
    )
    return JSONResponse(outcome)
