"""The peer without an ORM: FastAPI and psycopg, a transaction of four statements, each awaited.

It proves an API key as the service does, and differs in how it talks to the server.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

from fastapi import FastAPI, Header
from psycopg_pool import AsyncConnectionPool
from starlette.responses import JSONResponse

from app.http.schemas import ExecuteRequest
from bench.peers.models import NOTHING_CALLED, context_of

# Without a conninfo libpq reads PGHOST, PGUSER and PGDATABASE.
pool = AsyncConnectionPool(min_size=1, max_size=int(os.environ["POOL_SIZE"]), open=False, kwargs={"autocommit": True})


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Keep the pool open."""
    async with pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/execute/{agent_id}")
async def execute(agent_id: str, body: ExecuteRequest, authorization: Annotated[str, Header()]) -> JSONResponse:
    """Record an execution, and answer once it is committed."""
    trace_id = uuid4().hex
    async with pool.connection() as connection:
        await connection.execute("BEGIN")
        entered = await connection.execute("SELECT audit.enter_tenant(%s)", [authorization.removeprefix("Bearer ")])
        ((tenant_id,),) = await entered.fetchall()
        inserted = await connection.execute(
            "SELECT audit.insert_audit_log(p_agent_id => %s, p_mode => %s, p_status => 'success',"
            " p_trace_id => %s, p_user_id => %s, p_context => %s)",
            [agent_id, body.mode, trace_id, body.user_id, json.dumps(context_of(body.input))],
        )
        ((record_id,),) = await inserted.fetchall()
        await connection.execute("COMMIT")
    return JSONResponse({
        "id": str(record_id), "trace_id": trace_id, "tenant_id": tenant_id, "agent_id": agent_id, "mode": body.mode,
        "status": "success", "http_status": None, "latency_ms": None, "output": NOTHING_CALLED,
    })  # fmt: skip
