"""POST /api/v1/agents/{agent_id}/execute."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse

from app.http.credentials import credential_of
from app.http.load_shedding import Slot
from app.http.responses import refusals
from app.http.schemas import ExecuteQuery, ExecuteRequest, ExecuteResponse
from app.http.strict_route import StrictRoute
from app.model.record_checks import refuse_unstorable
from app.model.refusals import InvalidRequest


class _Route(StrictRoute):
    scopes = frozenset({"write"})


router = APIRouter(route_class=_Route)

AgentId = Annotated[
    str,
    Path(
        description="A slash in the name may be sent as %2F or as it is.",
        json_schema_extra={"minLength": 1, "maxLength": 128, "examples": ["credit-scoring", "openai/gpt-4o"]},
    ),
]


# `path`: many agents are called by a model's name, and those have slashes.
@router.post(
    "/api/v1/agents/{agent_id:path}/execute",
    operation_id="executeAgent",
    tags=["agents"],
    response_model=ExecuteResponse,
    responses=refusals(401, 403, 404, 413, 415, 422),
)
async def execute(
    agent_id: AgentId, body: ExecuteRequest, query: Annotated[ExecuteQuery, Query()], request: Request
) -> JSONResponse:
    """Execute an agent, or, in DRY_RUN, say what would be called. Answered once the record is committed."""
    _refuse_unless_one_name(agent_id)
    credential = credential_of(request, query.tenant_id, body.tenant_id)
    slot: Slot | None = getattr(request.state, "slot", None)  # there is none without app/http/protocol.py
    outcome = await request.app.state.executions.execute(
        credential,
        body.input,
        trace_id=request.state.trace_id,
        agent_id=agent_id,
        mode=body.mode,
        user_id=body.user_id,
        wait_elsewhere=slot.wait_elsewhere if slot else None,
    )
    return JSONResponse(outcome)


def _refuse_unless_one_name(agent_id: str) -> None:
    """Refuse a name that proxies and clients shorten on the way (RFC 3986): another agent would be recorded."""
    refuse_unstorable({"agent_id": agent_id})
    if not {"", ".", ".."}.isdisjoint(agent_id.split("/")):
        raise InvalidRequest.field("agent_id", "a name in a path has no empty part, and none that is . or ..")
