"""GET /view, /view/verify, and the style sheet, script and icon: pages that show no record."""

from fastapi import APIRouter, HTTPException, Response

from app.viewer.rendering import asset_response, redirect, verifier_page
from app.viewer.route import ViewRoute

router = APIRouter(prefix="/view", route_class=ViewRoute, include_in_schema=False)


@router.get("")
async def start() -> Response:
    """Lead to the list."""
    return redirect("view/records")


@router.get("/")
async def start_below() -> Response:
    """Lead to the list."""
    return redirect("records")


@router.get("/verify")
async def verify() -> Response:
    """Show the page that verifies exported evidence, in the browser alone."""
    content, headers = verifier_page()
    return Response(content, headers=headers, media_type="text/html")


@router.get("/assets/{version}/{name}")
async def asset(version: str, name: str) -> Response:
    """Send a file that pages need."""
    found = asset_response(version, name)
    if found is None:
        raise HTTPException(404, "there is no such file in this release")
    return found
