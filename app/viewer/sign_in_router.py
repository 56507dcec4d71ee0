"""GET and POST /view/sign-in, POST /view/sign-out, GET and POST /view/open/{token}: how an auditor comes in."""

import logging
import re
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, model_validator

from app.http.credentials import tenant_source_of
from app.model.credential import API_KEY, ApiKey
from app.model.field_types import Text, TrueOrFalse
from app.model.query import Closed
from app.model.refusals import InvalidRequest, ScopeMissing, Unauthenticated
from app.routers.state import AppRequest
from app.viewer import cookie
from app.viewer.rendering import page, redirect
from app.viewer.route import ViewRoute

logger = logging.getLogger("ringfence")
router = APIRouter(prefix="/view", route_class=ViewRoute, include_in_schema=False)

_START = "records"
# Only pages of ours: a link to the page for signing in must not lead to another site afterwards.
_PAGES = re.compile(r"(records|overview|events)(/[0-9a-f-]{36})?(\?[!-~]*)?")


class _SignInQuery(Closed):
    next: Text = _START
    ended: TrueOrFalse = False


class _Form(BaseModel):
    """A form as browsers send it."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def read(cls, sent: Any) -> Any:
        """Read the fields of application/x-www-form-urlencoded."""
        if not isinstance(sent, bytes):
            raise ValueError("a form is needed")
        return dict(parse_qsl(sent.decode("ascii", "replace"), keep_blank_values=True))


class SignInForm(_Form):
    """api_key: a key with the scope read."""

    api_key: str
    next: str = _START


@router.get("/sign-in")
async def show_sign_in(query: Annotated[_SignInQuery, Query()], request: AppRequest) -> Response:
    """Show the page that asks for an API key."""
    return _sign_in_page(request, 200, query.next, "Your key no longer opens anything." if query.ended else "")


@router.post("/sign-in")
async def sign_in(form: SignInForm, request: AppRequest) -> Response:
    """Keep an API key in the browser's cookie, if it may read; then go to the page that was asked for."""
    key = form.api_key.strip()
    if tenant_source_of(request) != API_KEY:
        raise InvalidRequest.field("api_key", "the gateway in front of this service says who you are")
    client = request.client
    try:
        caller = await request.state["audit_logger"].identify(ApiKey(key, None), client.host if client else "")
        caller.refuse_without({"read"})
    except Unauthenticated as refusal:
        logger.warning("an API key was refused: %s", refusal.reason)
        return _sign_in_page(request, 401, form.next, "This key opens nothing.")
    except ScopeMissing:
        return _sign_in_page(request, 403, form.next, "This key may not read records.")
    response = redirect(form.next if _PAGES.fullmatch(form.next) else _START)
    cookie.keep(request, response, key)
    return response


@router.post("/sign-out")
async def sign_out(request: AppRequest) -> Response:
    """Forget the API key."""
    response = redirect("sign-in")
    cookie.forget(request, response)
    return response


@router.get("/open/{token}")
async def show_link(token: str, request: AppRequest) -> Response:  # noqa: ARG001
    """Ask before a link is opened: programs that look at the links of a message must not use it up."""
    return page(request, "open_link.html", refused=False)


@router.post("/open/{token}")
async def open_link(token: str, request: AppRequest) -> Response:
    """Open a link that works once: sign in with the key that the database issues for it."""
    try:
        key = await request.state["audit_logger"].open_view_link(token)
    except Unauthenticated as refusal:
        logger.warning("a view link was refused: %s", refusal.reason)
        return page(request, "refused.html", 404, title="Not Found", detail="there is no such link")
    if key is None:
        return page(request, "open_link.html", 410, refused=True)
    response = redirect("../records")
    cookie.keep(request, response, key)
    return response


def _sign_in_page(request: AppRequest, status: int, following: str, message: str) -> Response:
    following = following if _PAGES.fullmatch(following) else _START
    needs_key = tenant_source_of(request) == API_KEY
    return page(request, "sign_in.html", status, message=message, following=following, needs_key=needs_key)
