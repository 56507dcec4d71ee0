"""GET /metrics."""

import hmac
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response

from app.http.strict_route import StrictRoute
from app.model.refusals import MetricsRefused
from app.telemetry import metrics

router = APIRouter(route_class=StrictRoute)


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def read_metrics(request: Request) -> Response:
    """Answer Prometheus: on loopback, or with METRICS_TOKEN. The database is not asked."""
    token: str | None = request.app.state.metrics_token
    if not (_is_local(request) if token is None else _holds(request, token)):
        raise MetricsRefused("metrics are read on this machine, or with the operator's METRICS_TOKEN")
    return Response(metrics.text(), media_type=metrics.MEDIA_TYPE)


def _holds(request: Request, token: str) -> bool:
    given = request.headers.getlist("authorization")
    scheme, _, credentials = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    # The scheme is case-insensitive, and may be followed by several spaces (RFC 9110, 11.1 and 11.4).
    return scheme.lower() == "bearer" and hmac.compare_digest(credentials.strip().encode(), token.encode())


def _is_local(request: Request) -> bool:
    try:
        return all(ip_address(request.scope[end][0]).is_loopback for end in ("client", "server"))
    except (KeyError, TypeError, ValueError):  # a Unix socket
        return False
