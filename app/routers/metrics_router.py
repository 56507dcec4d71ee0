"""GET /metrics."""

import hmac
from ipaddress import ip_address

from fastapi import APIRouter, Response

from app.http.credentials import bearer_token
from app.http.strict_route import StrictRoute
from app.model.refusals import MetricsRefused
from app.routers.state import AppRequest
from app.telemetry import metrics

router = APIRouter(route_class=StrictRoute)


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def read_metrics(request: AppRequest) -> Response:
    """Answer Prometheus: on loopback, or with METRICS_TOKEN. Sends no query to the database."""
    token = request.state["settings"].metrics_token
    if token is None:
        is_allowed = _is_local(request)
    else:
        given = bearer_token(request.headers.getlist("authorization"))
        is_allowed = hmac.compare_digest(given.encode(), token.get_secret_value().encode())
    if not is_allowed:
        raise MetricsRefused("metrics are read on this machine, or with the operator's METRICS_TOKEN")
    return Response(metrics.text(), media_type=metrics.MEDIA_TYPE)


def _is_local(request: AppRequest) -> bool:
    try:
        return all(ip_address(request.scope[end][0]).is_loopback for end in ("client", "server"))
    except (KeyError, TypeError, ValueError):  # a Unix socket
        return False
