"""GET /openapi.json and GET /docs: the HTTP interface for programs, and for people. Nothing comes from another host."""

from functools import lru_cache

from fastapi import APIRouter, FastAPI, Response
from starlette.responses import HTMLResponse, JSONResponse

from app.http.strict_route import StrictRoute
from app.routers.state import AppRequest

router = APIRouter(route_class=StrictRoute, include_in_schema=False)

ASSETS = "/docs/assets"
"""Where fastapi-offline mounts Swagger UI."""

# Relative addresses: a proxy may serve the service below a path of its own.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringfence</title>
<link rel="icon" href="docs/assets/favicon.png">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""
_HEADERS = {
    # Swagger UI sets styles on elements, and has its icons in data URLs.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/openapi.json")
async def openapi_document(request: AppRequest) -> Response:
    """Return the OpenAPI document."""
    return Response(_document_text(request.app), media_type="application/json")


@lru_cache(maxsize=1)
def _document_text(app: FastAPI) -> bytes:
    """Return the document as JSON, written once: that takes longer than to store a record."""
    return bytes(JSONResponse(app.openapi()).body)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Return the page that shows the document in Swagger UI."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get("/docs/start.js")
async def start() -> Response:
    """Return the script that starts Swagger UI, as a file: the page allows no inline script."""
    return Response(_START, media_type="text/javascript", headers=_HEADERS)
