"""POST /v1/traces: OpenTelemetry's protocol (OTLP over HTTP), where OTLP_ENABLED has it."""

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from typing_extensions import override

from app.http.body import held, off_the_loop
from app.http.credentials import credential_of
from app.http.otlp import JSON, PROTOBUF, exported, media_type_of, refused
from app.http.schemas import TenantQuery
from app.http.strict_route import StrictRoute
from app.model.refusals import RingfenceError, Unauthenticated
from app.routers.state import AppRequest
from app.services.otlp.intake import take_spans
from app.services.otlp.requests import read_json, read_protobuf

logger = logging.getLogger("ringfence")


class _Route(StrictRoute):
    scopes = frozenset({"write"})

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request[Any]) -> Response:
            try:
                return await handle(request)
            except (RingfenceError, RequestValidationError, HTTPException) as error:
                if isinstance(error, Unauthenticated):
                    logger.warning("an API key was refused: %s", error.reason)
                response = refused(media_type_of(request.headers.get("content-type", "")), error)
                response.headers["Cache-Control"] = "no-store"
                return response

        return answer


router = APIRouter(route_class=_Route)

_READERS = {PROTOBUF: read_protobuf, JSON: read_json}
_DESCRIPTION = "ExportTraceServiceRequest of OTLP 1."
_DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            PROTOBUF: {"schema": {"type": "string", "format": "binary", "description": _DESCRIPTION}},
            JSON: {"schema": {"type": "object", "description": _DESCRIPTION}},
        },
    },
    "parameters": [
        {
            "name": "Content-Encoding",
            "in": "header",
            "required": False,
            "description": "How the body is compressed; by default it is not.",
            "schema": {"type": "string", "enum": ["gzip", "identity"]},
        }
    ],
}


def _answers(description: str, message: str) -> dict[str, Any]:
    schemas = {PROTOBUF: {"type": "string", "format": "binary"}, JSON: {"type": "object"}}
    content = {kind: {"schema": {**schema, "description": message}} for kind, schema in schemas.items()}
    return {"description": description, "content": content}


_TAKEN = _answers("The spans of agents are on record, but for those that it rejects.", "ExportTraceServiceResponse")
_REFUSED: dict[int | str, dict[str, Any]] = {
    status: _answers(HTTPStatus(status).phrase, "google.rpc.Status") for status in (400, 401, 403, 413, 415)
}


@router.post(
    "/v1/traces",
    operation_id="exportTraces",
    tags=["audit"],
    response_class=Response,
    responses={200: _TAKEN, **_REFUSED},
    openapi_extra=_DOCUMENT,
)
async def export_traces(query: Annotated[TenantQuery, Query()], request: AppRequest) -> Response:
    """Store a record for each span of an agent: of the operations invoke_agent and execute_tool.

    Answered once they are committed. Other spans are dropped. The same span sent again is stored once.
    """
    credential = credential_of(request, query.tenant_id)
    media_type = media_type_of(request.headers.get("content-type", ""))
    if media_type not in _READERS:
        raise HTTPException(415, f"{PROTOBUF} or {JSON} is needed")
    caller = request.state["caller"]
    assert caller  # without one, credential_of() has refused the request
    taken = await take_spans(
        request.state["audit_logger"],
        credential,
        caller,
        held(request, request.state["settings"].otlp_max_bytes, "; export fewer spans at once", takes_gzip=True),
        _READERS[media_type],
        partial(off_the_loop, request),
    )
    return exported(media_type, taken.rejected, taken.message)
