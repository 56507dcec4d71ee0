"""The synchronous peer, in the style of Django: SQLAlchemy on psycopg, in FastAPI's thread pool (`def` routes).

It believes X-Tenant-ID, where the service proves a key. It commits before it answers, as the service does.
"""

import os
from typing import Annotated
from uuid import uuid4

from fastapi import FastAPI, Header
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import sessionmaker

from app.http.schemas import ExecuteRequest
from bench.peers.models import NOTHING_CALLED, AuditLog, Execution, Item, Page, context_of

engine = create_engine(
    "postgresql+psycopg://",
    connect_args={"host": os.environ["PGHOST"], "user": os.environ["PGUSER"], "dbname": os.environ["PGDATABASE"]},
    pool_size=int(os.environ["POOL_SIZE"]),
    max_overflow=0,
)
sessions = sessionmaker(engine, expire_on_commit=False)
SET_TENANT = text("SELECT set_config('app.tenant_id', :tenant_id, true)")

app = FastAPI()


@app.post("/execute/{agent_id}")
def execute(agent_id: str, body: ExecuteRequest, x_tenant_id: Annotated[str, Header()]) -> Execution:
    """Record an execution, and answer once it is committed."""
    with sessions() as session:
        session.execute(SET_TENANT, {"tenant_id": x_tenant_id})
        record = AuditLog(
            trace_id=uuid4().hex, tenant_id=x_tenant_id, agent_id=agent_id, mode=body.mode, status="success",
            user_id=body.user_id, context=context_of(body.input),
        )  # fmt: skip
        session.add(record)
        session.commit()
    return Execution(
        id=record.id, trace_id=record.trace_id or "", tenant_id=x_tenant_id, agent_id=agent_id, mode=body.mode,
        status="success", http_status=None, latency_ms=None, output=NOTHING_CALLED,
    )  # fmt: skip


@app.get("/logs")
def list_logs(x_tenant_id: Annotated[str, Header()], limit: int = 50) -> Page:
    """List the tenant's newest records."""
    with sessions() as session:
        session.execute(SET_TENANT, {"tenant_id": x_tenant_id})
        newest = select(AuditLog).order_by(AuditLog.created_at.desc(), AuditLog.id.desc()).limit(limit)
        records = session.scalars(newest).all()
    return Page(count=len(records), items=[Item.model_validate(record) for record in records])
