"""What the service is measured against: the same framework and server, doing nothing, or as much as stated."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from psycopg_pool import AsyncConnectionPool
from starlette.responses import JSONResponse

from app.models import ExecuteRequest

PAGE = Path(os.environ["PAGE"]).read_text()
ANSWER = json.loads(os.environ["ANSWER"])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep a pool like the service's."""
    pool = AsyncConnectionPool(
        os.environ["DATABASE_URL"], min_size=1, max_size=10, open=False, kwargs={"autocommit": True}
    )
    await pool.open(wait=True)
    app.state.pool = pool
    yield
    await pool.close()


app = FastAPI(lifespan=lifespan)


@app.post("/no-op/{agent_id}")
async def no_op(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Read what an execution reads, and answer as much."""
    return JSONResponse(ANSWER | {"agent_id": agent_id, "mode": body.mode})


@app.post("/select-1/{agent_id}")
async def select_1(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Ask the database for nothing."""
    async with app.state.pool.connection() as connection:
        await (await connection.execute("SELECT 1")).fetchone()
    return JSONResponse(ANSWER | {"agent_id": agent_id, "mode": body.mode})


@app.post("/four-statements/{agent_id}")
async def four_statements(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Record an execution as one writes it first: a transaction of four statements, each awaited."""
    parameters: dict[str, Any] = {"agent_id": agent_id, "mode": body.mode}
    async with app.state.pool.connection() as connection:
        await connection.execute("BEGIN")
        await connection.execute("SELECT audit.set_tenant('bench')")
        await connection.execute(
            "SELECT audit.insert_audit_log(p_agent_id => %(agent_id)s, p_mode => %(mode)s, p_status => 'success')",
            parameters,
        )
        await connection.execute("COMMIT")
    return JSONResponse(ANSWER | parameters)


@app.get("/page")
async def page() -> Response:
    """Answer with the bytes of a list of fifty."""
    return Response(PAGE, media_type="application/json")
