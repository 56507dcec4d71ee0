"""GET /api/v1/health and GET /api/v1/health/db."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app import __version__
from app.http.schemas import DatabaseHealthResponse, HealthResponse
from app.http.strict_route import StrictRoute
from app.model.refusals import StorageUnavailable
from app.routers.state import AppRequest
from app.services.audit_logger import ISOLATION_IS_BROKEN
from app.services.health import record_findings

router = APIRouter(route_class=StrictRoute)


@router.get("/api/v1/health", operation_id="health", tags=["health"], response_model=HealthResponse)
async def health(request: AppRequest) -> JSONResponse:
    """Say that the process answers, and whether it sees the database as up. Sends no query."""
    database = request.state["audit_logger"].database_state
    return JSONResponse(HealthResponse(status="ok", version=__version__, database=database).model_dump())


@router.get(
    "/api/v1/health/db",
    operation_id="databaseHealth",
    tags=["health"],
    response_model=DatabaseHealthResponse,
    responses={503: {"model": DatabaseHealthResponse, "description": "Not reachable, or isolation is broken"}},
)
async def health_db(request: AppRequest) -> JSONResponse:
    """Say whether records can be stored and tenants are isolated: 200 ok, or 503 failed. Findings are logged."""
    store = request.state["audit_logger"]
    answer = DatabaseHealthResponse(
        status="failed",
        backend="postgresql" if request.state["settings"].database_url else "jsonl",
        latency_ms=None,
        isolation="unknown",
        tenant_source=store.tenant_source or "unknown",
    )
    try:
        found = await store.db_ping()
    except StorageUnavailable as refusal:
        answer.reason = refusal.detail
        return JSONResponse(answer.model_dump(), 503)
    record_findings(found.findings)
    answer.latency_ms, answer.isolation = found.latency_ms, found.isolation
    if found.findings:
        answer.reason = ISOLATION_IS_BROKEN
        return JSONResponse(answer.model_dump(), 503)
    answer.status = "ok"
    return JSONResponse(answer.model_dump(exclude={"reason"}))
