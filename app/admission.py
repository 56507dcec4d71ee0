"""As many requests at once as a worker can answer in time."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import StorageUnavailable, problem
from app.metrics import MetricsMiddleware

MOST_REQUESTS = 1_024
MOST_BODY_BYTES = 33_554_432
"""Of all requests that are being answered by one worker; lines of a bulk request lie on the disk, and do not count."""


class AdmissionMiddleware:
    """Refuses a request at once where too many are under way. Pure ASGI: it stands on the way of each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "http" and MetricsMiddleware.under_way > MOST_REQUESTS:
            request, headers = Request(scope), StorageUnavailable.headers
            refusal = problem(request, 503, StorageUnavailable.kind, "too many requests at once", headers=headers)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)
