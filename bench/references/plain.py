"""The references on FastAPI as it comes, under uvicorn with its defaults."""

import json
import os
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.responses import JSONResponse

from app.http.schemas import ExecuteRequest

PAGE = Path(os.environ["PAGE"]).read_text()
ANSWER = json.loads(os.environ["ANSWER"])

app = FastAPI()


@app.post("/no-op/{agent_id}")
async def no_op(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Read what an execution reads, and answer as much."""
    return JSONResponse(ANSWER | {"agent_id": agent_id, "mode": body.mode})


@app.get("/page")
async def page() -> Response:
    """Answer with the bytes of a list of fifty."""
    return Response(PAGE, media_type="application/json")
