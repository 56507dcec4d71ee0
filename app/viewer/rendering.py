"""Makes pages of templates: what every page is sent with, and how text from a record is shown."""

import gzip
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.http.state import AnyState
from app.routers.export_response import accepts_gzip
from app.terminal_text import printable
from app.viewer.cookie import key_in_cookie

_FOLDER = Path(__file__).parent
_ASSETS = {"view.css": "text/css", "view.js": "text/javascript", "icon.svg": "image/svg+xml"}

COMMON_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_GZIP_LEVEL = 5
_PAGE_HEADERS = {
    **COMMON_HEADERS,
    "Cache-Control": "no-store",
    # No inline script or style, nothing from another host; a script cannot turn text into markup (Trusted Types).
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
}


def visible(text: object) -> str:
    r"""Return `text` with the characters that cannot be seen, or reorder others, as in Python: `\u202e`."""
    return printable(text)


def shortened(text: object, length: int = 120) -> str:
    """Return the beginning of `text`, visible, for a page that shows many."""
    shown = visible(str(text)[: length + 1])
    return shown if len(shown) <= length else f"{shown[:length]}…"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"visible": visible, "shortened": shortened}
    return environment


_TEMPLATES = _environment()


_CONTENTS = {name: (_FOLDER / "assets" / name).read_bytes() for name in _ASSETS}
_VERSION = hashlib.sha256(b"".join(_CONTENTS.values())).hexdigest()[:16]


def asset_response(version: str, name: str) -> Response | None:
    """Return the style sheet, the script or the icon; None where this release has none of that version and name.

    The version is a hash of them all, so browsers may keep them for ever.
    """
    if version != _VERSION or name not in _CONTENTS:
        return None
    headers = {**COMMON_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_CONTENTS[name], headers=headers, media_type=_ASSETS[name])


def up_to_view(request: Request[AnyState]) -> str:
    """Return the relative address of /view/, since a proxy may serve it below a path of its own."""
    path: str = request.scope["path"]
    return "../" * (path.count("/") - 2)


def page(request: Request[AnyState], template: str, status: int = 200, /, **values: Any) -> Response:
    """Render a template of templates/. values: what it shows, beside the address of /view/ and who is signed in."""
    caller = request.state["caller"]
    html = _TEMPLATES.get_template(template).render(
        {
            "base": up_to_view(request),
            "assets": f"{up_to_view(request)}assets/{_VERSION}",
            "tenant_id": caller.tenant_id if caller else "",
            "restriction": (caller.restriction or {}) if caller else {},
            "has_key": bool(key_in_cookie(request)),
            "here": template,
            **values,
        }
    )
    response = HTMLResponse(html, status, {**_PAGE_HEADERS, "Vary": "Accept-Encoding, Cookie"})
    if accepts_gzip(request.headers.getlist("accept-encoding")):
        # Records of the longest words would make a page of a hundred thousand bytes.
        response.body = gzip.compress(response.body, _GZIP_LEVEL, mtime=0)
        response.headers.update({"Content-Encoding": "gzip", "Content-Length": str(len(response.body))})
    return response


def redirect(address: str) -> Response:
    """Return a redirect to a relative address, by GET."""
    return RedirectResponse(address, 303, _PAGE_HEADERS)


@lru_cache(maxsize=1)
def verifier_page() -> tuple[bytes, Mapping[str, str]]:
    """Return the page that verifies evidence, byte for byte as it is in docs/, and its headers.

    Its own policy names the hashes of its script and its style; a header cannot loosen it. This one adds what a policy
    inside of a page cannot say.
    """
    content = (_FOLDER.parents[1] / "docs" / "verify.html").read_bytes()
    return content, {**COMMON_HEADERS, "Cache-Control": "no-store", "Content-Security-Policy": "frame-ancestors 'none'"}
