"""The references on the service's own stack: `python -m app`, and two routes that ask for no credential and no store.

The command itself is run, so that its protocol, middleware, strict reading, uvicorn's settings and garbage collection
are the service's, whatever they become.
"""

import json
import os
import sys
from pathlib import Path
from unittest.mock import patch

from fastapi import APIRouter, FastAPI, Response
from starlette.responses import JSONResponse

from app import __main__ as command
from app.http.schemas import ExecuteRequest
from app.http.strict_route import StrictRoute
from app.main import create_app

PAGE = Path(os.environ["PAGE"]).read_text()
ANSWER = json.loads(os.environ["ANSWER"])

router = APIRouter(route_class=StrictRoute)


@router.post("/no-op/{agent_id}", response_model=None)
async def no_op(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Read what an execution reads, and answer as much."""
    return JSONResponse(ANSWER | {"agent_id": agent_id, "mode": body.mode})


@router.get("/page", response_model=None)
async def page() -> Response:
    """Answer with the bytes of a list of fifty."""
    return Response(PAGE, media_type="application/json")


def with_references() -> FastAPI:
    """Return the service's application with the references in front, where the service's most frequent route is."""
    application = create_app()
    application.router.routes[:0] = router.routes
    return application


if __name__ == "__main__":
    with patch.object(command, "create_app", with_references):
        sys.exit(command.main([]))
