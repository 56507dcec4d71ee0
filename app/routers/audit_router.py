"""GET /api/v1/audit/logs, /api/v1/audit/logs/export, /api/v1/audit/logs/{id}, and /api/v1/audit/admin-events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from app.http.credentials import credential_of
from app.http.responses import refusals
from app.http.schemas import AdminEventsResponse, AuditRecord, ListResponse, RecordQuery
from app.http.strict_route import StrictRoute
from app.model.query import AdminEventsQuery, ExportQuery, ListQuery
from app.model.record_checks import check_uuid
from app.model.refusals import InvalidRequest
from app.routers.export_response import MEDIA_TYPES, ExportResponse, accepts_gzip, export_headers


class _Route(StrictRoute):
    scopes = frozenset({"read"})


router = APIRouter(route_class=_Route)


@router.get(
    "/api/v1/audit/logs",
    operation_id="listAuditLogs",
    tags=["audit"],
    response_model=ListResponse,
    responses=refusals(401, 403, 422),
)
async def list_audit_logs(query: Annotated[ListQuery, Query()], request: Request) -> Response:
    """List the tenant's records, newest first unless `order=asc`. The page is the store's JSON text, untouched."""
    page = await request.app.state.audit_logger.read_logs(credential_of(request, query.tenant_id), query)
    return Response(page, media_type="application/json")


@router.get(
    "/api/v1/audit/logs/export",
    operation_id="exportAuditLogs",
    tags=["audit"],
    response_class=Response,
    responses={
        200: {"content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()}},
        **refusals(401, 403, 422, 501),
    },
)
async def export_audit_logs(query: Annotated[ExportQuery, Query()], request: Request) -> Response:
    """Export the tenant's records, as many as the filters find. The export is recorded before it is sent.

    It is complete if its last line says so: `{"complete": true, "count": n}`, or `#complete,n` in CSV.
    """
    credential = credential_of(request, query.tenant_id)
    if query.bom and query.format != "csv":
        raise InvalidRequest.field("bom", "a byte order mark is for format=csv alone")
    gzip = accepts_gzip(request.headers.getlist("accept-encoding"))
    if request.method == "HEAD":
        # It shows no record, so none is read, and no export is put on record.
        if query.format not in MEDIA_TYPES:
            raise InvalidRequest.field("format", "format is ndjson or csv")
        tenant_id = await request.app.state.audit_logger.may_export(credential)
        head = Response(headers=export_headers(tenant_id, query.format, gzip=gzip))
        del head.headers["content-length"]
        return head
    export = await request.app.state.exports.begin(credential, query)
    return ExportResponse(export, query.format, gzip=gzip, bom=query.bom)


@router.get(
    "/api/v1/audit/logs/{id}",
    operation_id="getAuditLog",
    tags=["audit"],
    response_model=AuditRecord,
    responses=refusals(401, 403, 404, 422),
)
async def get_audit_log(
    id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],  # noqa: A002  what a caller is told
    query: Annotated[RecordQuery, Query()],
    request: Request,
) -> Response:
    """Show one record of the tenant, as a list does. Another tenant's id is answered like one that nobody has used."""
    check_uuid("id", id)
    credential = credential_of(request, query.tenant_id)
    record = await request.app.state.audit_logger.read_log(credential, UUID(id))
    return Response(record, media_type="application/json")


@router.get(
    "/api/v1/audit/admin-events",
    operation_id="listAdminEvents",
    tags=["audit"],
    response_model=AdminEventsResponse,
    responses=refusals(401, 403, 422),
)
async def list_admin_events(query: Annotated[AdminEventsQuery, Query()], request: Request) -> Response:
    """List what was done to the tenant, its API keys and its records, newest first unless `order=asc`."""
    events = await request.app.state.audit_logger.read_admin_events(credential_of(request, query.tenant_id), query)
    return Response(events, media_type="application/json")
