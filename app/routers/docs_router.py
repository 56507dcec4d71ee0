"""GET /openapi.json and /docs: the interface for programs, and for people. Neither loads anything from another host."""

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, JSONResponse

from app.http.strict_route import StrictRoute

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
async def openapi_document(request: Request) -> Response:
    """Return the OpenAPI document. It is written once: to write it takes longer than to store a record."""
    state = request.app.state
    if not hasattr(state, "openapi_text"):
        state.openapi_text = JSONResponse(request.app.openapi()).body
    return Response(state.openapi_text, media_type="application/json")


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Show the document in Swagger UI."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get("/docs/start.js")
async def start() -> Response:
    """Start it. A file of its own, so that the page needs no inline script."""
    return Response(_START, media_type="text/javascript", headers=_HEADERS)
