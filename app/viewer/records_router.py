"""GET /view/records, one record, its proof and exports: what an auditor looks at."""

import json
import shlex
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Response
from starlette.responses import PlainTextResponse

from app.http.credentials import credential_of, tenant_source_of
from app.http.schemas import TenantQuery
from app.model.credential import API_KEY
from app.model.query import ExportQuery, ListQuery
from app.model.record_checks import check_uuid
from app.routers.export_response import export
from app.routers.json_text import JsonText
from app.routers.state import AppRequest
from app.viewer.cookie import scheme_of
from app.viewer.rendering import COMMON_HEADERS, page, redirect
from app.viewer.route import ExportRoute, TenantRoute
from app.viewer.sentences import STATUS_MARKS, has_outcome, sentence_of, timeline, when
from app.viewer.view_query import COLUMNS, PRESETS, ZONES, RecordQuery, ViewQuery, local_time, zone_of

router = APIRouter(prefix="/view", route_class=TenantRoute, include_in_schema=False)

_MAX_STEPS = 100
"""Records of one trace that the page of a record shows."""


@router.get("/records")
async def list_records(query: Annotated[ViewQuery, Query()], request: AppRequest) -> Response:
    """Show a page of the tenant's records, and how many there are of each kind."""
    credential = credential_of(request, query.tenant_id)
    store = request.state["audit_logger"]
    asked = query.fixed()
    found = json.loads(await store.read_logs(credential, asked.as_list_query()))
    if query.newer and not found["has_more"] and found["count"] < asked.limit:
        return redirect(f"records?{asked.address()}")  # the newest page, and a full one
    items = found["items"][::-1] if query.newer else found["items"]
    ahead, behind = found["next_cursor"], found["previous_cursor"]
    if query.newer:
        ahead, behind = behind, ahead
    elif query.cursor is None:
        behind = None
    zone = zone_of(query.zone)
    # Of the whole list, so on its first page alone.
    counts = None if query.cursor else json.loads(await store.count_logs(credential, asked.as_list_query()))
    return page(
        request,
        "records.html",
        query=query,
        asked=asked,
        rows=[(item, sentence_of(item), when(item["created_at"], zone)) for item in items],
        ahead=ahead and asked.address(cursor=ahead),
        behind=behind and asked.address(cursor=behind, newer="true"),
        newest=_newest(asked, found),
        columns=(query.columns or "").split(",") if query.columns else [],
        known_columns=COLUMNS,
        marks=STATUS_MARKS,
        presets=PRESETS,
        zones=ZONES,
        local_from=local_time(query.start_time, query.zone),
        local_to=local_time(query.end_time, query.zone),
        unchanged=query.unchanged(),
        zone_query=_zone_query(query.zone),
        export_query=asked.export_filters(),
        evidence=asked.filters().keys() <= {"start_time", "end_time"},
        curl=_as_curl(request, asked),
        counts=counts,
        counted_since=when(counts["from"], zone) if counts else "",
    )


@router.get("/records/newer")
async def count_newer(query: Annotated[ViewQuery, Query()], request: AppRequest) -> Response:
    """Say how many records are newer than those of a page; the page asks from time to time."""
    credential = credential_of(request, query.tenant_id)
    found = json.loads(await request.state["audit_logger"].read_logs(credential, query.as_list_query()))
    return JsonText(json.dumps({"count": found["count"], "has_more": found["has_more"]}), headers=COMMON_HEADERS)


async def export_records(query: Annotated[ExportQuery, Query()], request: AppRequest) -> Response:
    """Send the records of a list as a file. The export is recorded before it is sent, as that of the API."""
    response = await export(request, query)
    response.headers.update(COMMON_HEADERS)
    return response


router.add_api_route("/records/export", export_records, route_class_override=ExportRoute)


@router.get("/records/{id}")
async def show_record(
    id: str,  # noqa: A002  the name in the address
    query: Annotated[RecordQuery, Query()],
    request: AppRequest,
) -> Response:
    """Show one record, the others of its trace on a timeline, and what can be proven of it."""
    check_uuid("id", id)
    credential = credential_of(request, query.tenant_id)
    store = request.state["audit_logger"]
    item = json.loads(await store.read_log(credential, UUID(id)))
    found: dict[str, Any] = {"items": [item], "has_more": False}
    if item["trace_id"] is not None:
        trace = ListQuery(trace_id=item["trace_id"], order="asc", limit=_MAX_STEPS)
        found = json.loads(await store.read_logs(credential, trace))
    zone = zone_of(query.zone)
    return page(
        request,
        "record.html",
        query=query,
        item=item,
        sentence=sentence_of(item),
        marks=STATUS_MARKS,
        times=[(name, when(item[name], zone, precise=True)) for name in ("created_at", "recorded_at")],
        steps=timeline(found["items"], item["id"]),
        has_more_steps=found["has_more"],
        outcome=_outcome(request, item, found),
        zone_query=_zone_query(query.zone),
        raw=_lines(item),
    )


@router.get("/records/{id}/leaf")
async def show_leaf(id: str, query: Annotated[TenantQuery, Query()], request: AppRequest) -> Response:  # noqa: A002
    """Show the lines that a record was sealed as, byte by byte."""
    check_uuid("id", id)
    leaf = await request.state["audit_logger"].read_leaf(credential_of(request, query.tenant_id), UUID(id))
    return PlainTextResponse(leaf, headers=COMMON_HEADERS)


@router.get("/records/{id}/proof")
async def show_proof(id: str, query: Annotated[TenantQuery, Query()], request: AppRequest) -> Response:  # noqa: A002
    """Show the proof that a record is in the tenant's tree, with the signed checkpoint that it leads to."""
    check_uuid("id", id)
    store = request.state["audit_logger"]
    proof = await store.read_inclusion_proof(credential_of(request, query.tenant_id), UUID(id), None)
    return PlainTextResponse(proof, headers=COMMON_HEADERS)


def _outcome(request: AppRequest, item: dict[str, Any], found: dict[str, Any]) -> str:
    """Return what is known of the end of a LIVE call that began: ended, unknown, or why it cannot be judged."""
    caller = request.state["caller"]
    restriction = (caller.restriction or {}) if caller else {}
    if item["status"] != "started" or item["mode"] != "LIVE" or has_outcome(found["items"], item["id"]):
        return "ended"
    if restriction.keys() - {"agent_id", "trace_id"}:
        return "part"
    return "long" if found["has_more"] else "unknown"


def _zone_query(zone: str) -> str:
    return "" if zone == "UTC" else f"?{urlencode({'zone': zone})}"


def _newest(asked: ViewQuery, found: dict[str, Any]) -> str | None:
    """Return the address that counts records newer than this page, if it is the newest one and ends now."""
    if asked.cursor or asked.order == "asc" or asked.end_time:
        return None
    if not found["previous_cursor"]:
        return asked.address(start_time=datetime.now(UTC).isoformat(), newer="true", limit="100")
    return asked.address(cursor=found["previous_cursor"], newer="true", limit="100")


def _as_curl(request: AppRequest, asked: ViewQuery) -> str:
    """Return a command that lists the same records; the key or the tenant comes from the reader's environment."""
    path = f"{request.scope.get('root_path', '')}/api/v1/audit/logs"
    address = str(request.url.replace(scheme=scheme_of(request), path=path, query=""))
    who = "Authorization: Bearer $RINGFENCE_API_KEY" if tenant_source_of(request) == API_KEY else "X-Tenant-ID: $TENANT"
    given = asked.filters() | {"limit": asked.limit, "order": asked.order}
    parameters = [f"--data-urlencode {_quoted(f'{name}={value}')}" for name, value in given.items()]
    return " ".join([f'curl -G -H "{who}"', *parameters, shlex.quote(address)])


def _quoted(text: str) -> str:
    r"""Return `text` as one word of bash; what cannot be seen as $'\u202e', which bash reads as the character."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in escaped) + "'"


def _lines(item: dict[str, Any]) -> str:
    """Return a record as JSON, indented, with what cannot be seen escaped as JSON does."""
    text = json.dumps(item, indent=2, ensure_ascii=False)
    return "".join(each if each == "\n" or each.isprintable() else json.dumps(each)[1:-1] for each in text)
