"""POST /api/v1/agents/{agent_id}/execute."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse

from app.http.body import is_large, off_the_loop
from app.http.credentials import credential_of
from app.http.openapi import refusals
from app.http.schemas import ExecuteRequest, ExecuteResponse, TenantQuery
from app.http.strict_route import StrictRoute
from app.model.context import check_context_of_execute
from app.model.refusals import InvalidRequest
from app.model.storable import refuse_unstorable
from app.routers.state import AppRequest


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


# `path`: many agents are named after a model, and those names have slashes.
@router.post(
    "/api/v1/agents/{agent_id:path}/execute",
    operation_id="executeAgent",
    tags=["agents"],
    response_model=ExecuteResponse,
    responses=refusals(401, 403, 404, 413, 415, 422),
)
async def execute(
    agent_id: AgentId, body: ExecuteRequest, query: Annotated[TenantQuery, Query()], request: AppRequest
) -> JSONResponse:
    """Execute an agent; in DRY_RUN only say what would be called. The answer comes once the record is committed."""
    _refuse_ambiguous_path(agent_id)
    if body.context is not None:
        check_context_of_execute(body.context)
    credential = credential_of(request, query.tenant_id, body.tenant_id)
    slot = request.state["slot"]
    done = await request.state["executions"].execute(
        credential,
        await off_the_loop(request, _sent_in_pieces if is_large(request) else _sent, body.input),
        trace_id=request.state["trace_id"],
        agent_id=agent_id,
        mode=body.mode,
        user_id=body.user_id,
        context=body.context,
        block=slot.block if slot else None,
    )
    record = done.record
    answer = {
        "id": str(record.id),
        "trace_id": record.trace_id,
        **done.stored.as_response(),
        "agent_id": record.agent_id,
        "mode": record.mode,
        "status": record.status,
        "http_status": record.http_status,
        "latency_ms": record.latency_ms,
        "output": done.output,
    }
    return JSONResponse(answer)


def _sent(agent_input: dict[str, Any]) -> bytes:
    """Return the input as an agent gets it, whose SHA-256 is recorded."""
    return json.dumps(agent_input).encode()


def _sent_in_pieces(agent_input: dict[str, Any]) -> bytes:
    """Return the same. json.dumps() would hold the interpreter, and with it the event loop, until it has all."""
    sent = bytearray()
    for piece in json.JSONEncoder().iterencode(agent_input):
        sent += piece.encode()
    return bytes(sent)


def _refuse_ambiguous_path(agent_id: str) -> None:
    """Refuse a name that proxies and clients shorten on the way (RFC 3986): another agent would be recorded."""
    refuse_unstorable({"agent_id": agent_id})
    if not {"", ".", ".."}.isdisjoint(agent_id.split("/")):
        raise InvalidRequest.field("agent_id", "no part of the name between slashes is empty, . or ..")
