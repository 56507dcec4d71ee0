"""The API key of somebody who has signed in, in a cookie, and what keeps other sites from using it.

The cookie opens the pages below /view alone: the API takes no cookie. Each page hands the key to the database as a
Bearer token would be, so a key that was revoked opens nothing from that moment on.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from app.http.load_shedding import COOKIE
from app.http.state import AnyState

MAX_AGE = 8 * 3600
"""Seconds after which the browser forgets the key."""
_KEY_LENGTH = 84
"""Of an API key. Anything else in the cookie is none, and is not passed on."""


def scheme_of(request: Request[AnyState]) -> str:
    """Return the scheme that the browser uses: https also where TLS ends in a proxy, which says so.

    X-Forwarded-Proto is believed of anybody: callers bind no cookie to TLS but their own with it, and no page of
    another site can have a browser send it.
    """
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return "https" if "https" in (request.url.scheme, forwarded) else "http"


def _name_for(request: Request[AnyState]) -> str:
    """Return the cookie's name: over TLS one that no other host and no plain connection can have set."""
    return f"__Host-{COOKIE}" if scheme_of(request) == "https" else COOKIE


def key_in_cookie(request: Request[AnyState]) -> str:
    """Return the API key that the request's cookie holds; empty where it holds none."""
    key = request.cookies.get(_name_for(request), "")
    return key if len(key) == _KEY_LENGTH and key.isascii() else ""


def authorize(request: Request[AnyState], key: str) -> None:
    """Let the rest of the service see `key` as the Bearer token of `request`, in place of any it came with."""
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"authorization"]
    request.scope["headers"] = [*headers, (b"authorization", b"Bearer " + key.encode("ascii", "replace"))]


def keep(request: Request[AnyState], response: Response, key: str) -> None:
    """Have the browser keep `key` for the pages of this host."""
    response.set_cookie(
        _name_for(request),
        key,
        max_age=MAX_AGE,
        path="/",
        secure=scheme_of(request) == "https",
        httponly=True,
        samesite="strict",
    )


def forget(request: Request[AnyState], response: Response) -> None:
    """Have the browser forget the key."""
    response.delete_cookie(
        _name_for(request), path="/", secure=scheme_of(request) == "https", httponly=True, samesite="strict"
    )


def is_same_origin(request: Request[AnyState]) -> bool:
    """Whether a page of this service sent the request.

    Browsers say it themselves in Sec-Fetch-Site, over TLS and on this machine; older ones send an Origin. A request
    with neither is refused, so nothing that is changed here depends on the cookie alone.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    return bool(origin.netloc) and (origin.scheme, origin.netloc) == (scheme_of(request), request.url.netloc)


def is_asked_for_here(request: Request[AnyState]) -> bool:
    """Whether a page of this service asked for a file, or somebody by its address; older browsers do not say."""
    return request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def comes_from_elsewhere(request: Request[AnyState]) -> bool:
    """Whether a link on another site led here: then the browser has held back the cookie (SameSite=Strict)."""
    return request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"
