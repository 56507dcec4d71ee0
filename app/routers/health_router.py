"""GET /api/v1/health and /api/v1/health/db."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from app import __version__
from app.http.schemas import DatabaseHealthResponse, HealthResponse
from app.http.strict_route import StrictRoute
from app.model.refusals import StorageUnavailable
from app.services.audit_logger import ISOLATION_IS_BROKEN
from app.services.health import record_findings

router = APIRouter(route_class=StrictRoute)


@router.get("/api/v1/health", operation_id="health", tags=["health"], response_model=HealthResponse)
async def health(request: Request) -> JSONResponse:
    """Say that the process answers, and whether it takes the database to be there. Asks nobody else."""
    database = request.app.state.audit_logger.database_state
    return JSONResponse(HealthResponse(status="ok", version=__version__, database=database).model_dump())


@router.get(
    "/api/v1/health/db",
    operation_id="databaseHealth",
    tags=["health"],
    response_model=DatabaseHealthResponse,
    responses={503: {"model": DatabaseHealthResponse, "description": "Not reachable, or isolation is broken"}},
)
async def health_db(request: Request) -> JSONResponse:
    """Say whether records can be stored and tenants are kept apart: 200 ok, or 503 failed. What was found is logged."""
    try:
        health = await request.app.state.audit_logger.db_ping()
    except StorageUnavailable as refusal:
        body = DatabaseHealthResponse(
            status="failed",
            backend=request.app.state.backend,
            latency_ms=None,
            isolation="unknown",
            tenant_source=_tenant_source(request),
            reason=refusal.detail,
        )
        return JSONResponse(body.model_dump(), 503)
    record_findings(health.findings)
    body = DatabaseHealthResponse(
        status="failed" if health.findings else "ok",
        backend=health.backend,
        latency_ms=health.latency_ms,
        isolation=health.isolation,
        tenant_source=_tenant_source(request),
    )
    if not health.findings:
        return JSONResponse(body.model_dump(exclude={"reason"}))
    body.reason = ISOLATION_IS_BROKEN
    return JSONResponse(body.model_dump(), 503)


def _tenant_source(request: Request) -> str:
    return request.app.state.audit_logger.tenant_source or "unknown"
