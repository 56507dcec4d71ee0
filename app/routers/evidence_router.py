"""GET /api/v1/audit/checkpoint, /audit/logs/{id}/leaf, /audit/logs/{id}/proof, and /audit/proofs/consistency."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from starlette.responses import PlainTextResponse

from app.http.credentials import credential_of
from app.http.openapi import refusals
from app.http.schemas import ConsistencyProof, TenantQuery
from app.http.strict_route import StrictRoute
from app.model.query import CheckpointQuery, ConsistencyQuery, ProofQuery
from app.model.record_checks import check_uuid
from app.routers.json_text import JsonText
from app.routers.state import AppRequest


class _Route(StrictRoute):
    scopes = frozenset({"read"})


class _Leaf(Response):
    """Lines of JSON from the store, passed through unchanged: their bytes are what is hashed."""

    media_type = "application/x-ndjson"


router = APIRouter(prefix="/api/v1/audit", tags=["evidence"], route_class=_Route)

_RecordId = Annotated[str, Path(json_schema_extra={"format": "uuid"})]


_CHECKPOINT = (
    "ringfence.example/acme\n1205\n5K6Mh3hBmOFEsLcKyuSp5kWqpMBdHmMBvLzpVUFqK5g=\n\n"
    "— ringfence.example/acme 7tKmjlPL3Y2zQ0i0bH8uH5pL5z3mOqWlhCqKxAP1Ci0qUJ6i4Y8G2u0wC8oBq6k3Xn6mF5jJ8b0y6mWwJm3Ghc1Y"
    "4AE=\n"
)
_PROOF = f"c2sp.org/tlog-proof@v1\nindex 1204\nkQm0bq3cC1zK1bQn1eYJ3g2b5p0mS0oZ9qv1zWw7Vb8=\n\n{_CHECKPOINT}"
_LINES = """\
{"version":1,"kind":"record","tenant_id":"acme","id":"01a204ce-066a-7609-8de6-97e408bf49d8","trace_id":"4711",\
"agent_id":"credit-scoring","mode":"LIVE","status":"success","http_status":200,"latency_ms":41,\
"created_at":"2026-11-22T19:49:00.650996Z","recorded_at":"2026-11-22T19:49:00.651012Z","api_key_id":"98ad53c47f631b51",\
"private_sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}
{"salt":"fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9","user_id":"jane","error":null,"context":null}
"""


def _text(media_type: str, description: str, example: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": description, "content": content}}


@router.get(
    "/checkpoint",
    operation_id="getCheckpoint",
    response_class=PlainTextResponse,
    responses={
        **_text("text/plain", "A signed note, as of C2SP tlog-checkpoint", _CHECKPOINT),
        **refusals(401, 403, 409, 422, 501),
    },
)
async def get_checkpoint(query: Annotated[CheckpointQuery, Query()], request: AppRequest) -> Response:
    """Show a signed checkpoint of the tenant's tree: keep it where the operator of this service cannot change it."""
    credential = credential_of(request, query.tenant_id)
    return PlainTextResponse(await request.state["audit_logger"].read_checkpoint(credential, query))


@router.get(
    "/logs/{id}/leaf",
    operation_id="getLeaf",
    response_class=_Leaf,
    responses={
        **_text("application/x-ndjson", "The line that is sealed, and the private line that its digest is of", _LINES),
        **refusals(401, 403, 404, 409, 422, 501),
    },
)
async def get_leaf(
    id: _RecordId,  # noqa: A002  the name in the document
    query: Annotated[TenantQuery, Query()],
    request: AppRequest,
) -> Response:
    """Show the lines that a record was sealed as, byte by byte."""
    check_uuid("id", id)
    credential = credential_of(request, query.tenant_id)
    return _Leaf(await request.state["audit_logger"].read_leaf(credential, UUID(id)))


@router.get(
    "/logs/{id}/proof",
    operation_id="getInclusionProof",
    response_class=PlainTextResponse,
    responses={
        **_text("text/plain", "As of C2SP tlog-proof, with the checkpoint that it leads to", _PROOF),
        **refusals(401, 403, 404, 409, 422, 501),
    },
)
async def get_inclusion_proof(
    id: _RecordId,  # noqa: A002  the name in the document
    query: Annotated[ProofQuery, Query()],
    request: AppRequest,
) -> Response:
    """Prove that a record is in the tenant's tree. An id of another tenant is answered as unknown."""
    check_uuid("id", id)
    credential = credential_of(request, query.tenant_id)
    store = request.state["audit_logger"]
    return PlainTextResponse(await store.read_inclusion_proof(credential, UUID(id), query.size))


@router.get(
    "/proofs/consistency",
    operation_id="getConsistencyProof",
    response_model=ConsistencyProof,
    responses=refusals(401, 403, 409, 410, 422, 501),
)
async def get_consistency_proof(query: Annotated[ConsistencyQuery, Query()], request: AppRequest) -> Response:
    """Prove that the tenant's tree only grew from one size to the other."""
    credential = credential_of(request, query.tenant_id)
    return JsonText(await request.state["audit_logger"].read_consistency_proof(credential, query))
