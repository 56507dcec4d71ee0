"""What the service is measured against: the same framework and server, doing nothing, or as much as stated."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

from fastapi import FastAPI, Response
from psycopg_pool import AsyncConnectionPool
from starlette.responses import JSONResponse

from app.http.schemas import ExecuteRequest

PAGE = Path(os.environ["PAGE"]).read_text()
ANSWER = json.loads(os.environ["ANSWER"])
API_KEY = os.environ["API_KEY"]
POOLS = {
    name: AsyncConnectionPool(url, min_size=1, max_size=10, open=False, kwargs={"autocommit": True})
    for name, url in (("key", os.environ["KEYED_URL"]), ("name", os.environ["NAMED_URL"]))
}
"""Like the service's, for a tenant that is proven with a key, and for one that is named."""


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Keep the pools open."""
    for pool in POOLS.values():
        await pool.open(wait=True)
    yield
    for pool in POOLS.values():
        await pool.close()


app = FastAPI(lifespan=lifespan)


@app.post("/no-op/{agent_id}")
async def no_op(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Read what an execution reads, and answer as much."""
    return JSONResponse(ANSWER | {"agent_id": agent_id, "mode": body.mode})


@app.post("/select-1/{agent_id}")
async def select_1(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Ask the database for nothing."""
    async with POOLS["key"].connection() as connection:
        await (await connection.execute("SELECT 1")).fetchone()
    return JSONResponse(ANSWER | {"agent_id": agent_id, "mode": body.mode})


async def _four_statements(
    pool: AsyncConnectionPool, enter: LiteralString, credential: str, agent_id: str, body: ExecuteRequest
) -> JSONResponse:
    parameters: dict[str, Any] = {"agent_id": agent_id, "mode": body.mode}
    stored = parameters | {"trace_id": uuid4().hex, "user_id": body.user_id}
    async with pool.connection() as connection:
        await connection.execute("BEGIN")
        await connection.execute(enter, [credential])
        await connection.execute(
            "SELECT audit.insert_audit_log(p_agent_id => %(agent_id)s, p_mode => %(mode)s, p_status => 'success',"
            " p_trace_id => %(trace_id)s, p_user_id => %(user_id)s)",
            stored,
        )
        await connection.execute("COMMIT")
    return JSONResponse(ANSWER | parameters)


@app.post("/four-statements/{agent_id}")
async def four_statements(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Record an execution as one writes it first: a transaction of four statements, each awaited."""
    return await _four_statements(POOLS["key"], "SELECT audit.enter_tenant(%s)", API_KEY, agent_id, body)


@app.post("/four-statements-named/{agent_id}")
async def four_statements_named(agent_id: str, body: ExecuteRequest) -> JSONResponse:
    """Do the same for a tenant that is named, and not proven: less work than the service does for a key."""
    return await _four_statements(POOLS["name"], "SELECT audit.set_tenant(%s)", "bench", agent_id, body)


@app.get("/page")
async def page() -> Response:
    """Answer with the bytes of a list of fifty."""
    return Response(PAGE, media_type="application/json")
