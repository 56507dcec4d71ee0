"""The route of a page: the cookie stands for a Bearer token, and a refusal is a page too."""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from typing_extensions import override

from app.http.credentials import tenant_source_of
from app.http.problems import described
from app.http.strict_route import StrictRoute
from app.model.credential import API_KEY
from app.model.refusals import InvalidRequest, RingfenceError, ScopeMissing, TenantUnknown, Unauthenticated
from app.telemetry.metrics import REFUSED
from app.viewer import cookie
from app.viewer.rendering import page, redirect, up_to_view
from app.viewer.view_query import form_to_query

logger = logging.getLogger("ringfence")

_FORMS = {"/view/records": "records", "/view/events": "events"}
"""Pages with a form that is sent by GET, and their relative addresses."""


class ViewRoute(StrictRoute):
    """A page that anybody may see."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def show(request: Request[Any]) -> Response:
            if request.method == "POST" and not cookie.is_same_origin(request):
                return page(request, "refused.html", 403, title="Refused", detail="another site sent this form")
            try:
                return await handle(request)
            except (RingfenceError, RequestValidationError, HTTPException) as error:
                return refusal_page(request, error)

        return show


class TenantRoute(ViewRoute):
    """A page for somebody who has signed in with a key that may read, or whom a gateway lets through."""

    scopes = frozenset({"read"})
    leaves_a_record: ClassVar[bool] = False
    """Whether a visit is on record: then no link or page of another site may make one in the visitor's name."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def show(request: Request[Any]) -> Response:
            given = dict(request.query_params)
            # A form's fields become the short address that says the same.
            if self.path in _FORMS and len(given) == len(request.query_params.multi_items()):
                try:
                    address = form_to_query(given)
                except InvalidRequest as refusal:
                    return refusal_page(request, refusal)
                if address is not None:
                    return redirect(f"{_FORMS[self.path]}?{address}")
            if self.leaves_a_record and not cookie.is_asked_for_here(request):
                detail = "another site asked for this file: ask for it on the page of the records"
                return page(request, "refused.html", 403, title="Refused", detail=detail)
            if key := cookie.key_in_cookie(request):
                cookie.authorize(request, key)
            elif cookie.comes_from_elsewhere(request) and not self.leaves_a_record:
                # Asked for once more, by this page, the browser sends the cookie.
                return page(request, "continue.html")
            return await handle(request)

        return show


class ExportRoute(TenantRoute):
    """A file that is on record when it is sent."""

    leaves_a_record = True


def refusal_page(request: Request[Any], error: RingfenceError | RequestValidationError | HTTPException) -> Response:
    """Return the page of a refusal, with the status that the API answers. A key that opens nothing is forgotten."""
    if isinstance(error, Unauthenticated) and tenant_source_of(request) == API_KEY:
        had_key = bool(cookie.key_in_cookie(request))
        if had_key:
            logger.warning("an API key was refused: %s", error.reason)
        response = redirect(sign_in_address(request, ended=had_key))
        if had_key:
            cookie.forget(request, response)
        return response
    found = described(error)
    REFUSED.labels(found.kind).inc()
    title = HTTPStatus(found.status).phrase
    shown = page(request, "refused.html", found.status, title=title, detail=found.detail)
    if found.headers and "Retry-After" in found.headers:
        shown.headers["Retry-After"] = found.headers["Retry-After"]
    if isinstance(error, ScopeMissing | TenantUnknown) and request.state["caller"] is None:
        cookie.forget(request, shown)
    return shown


def sign_in_address(request: Request[Any], *, ended: bool = False) -> str:
    """Return the relative address of the page for signing in, which leads back to this one."""
    here = request.scope["path"].removeprefix("/view/")
    if request.scope["query_string"]:
        here += "?" + request.scope["query_string"].decode("ascii", "replace")
    return f"{up_to_view(request)}sign-in?next={quote(here, safe='')}" + ("&ended=true" if ended else "")
