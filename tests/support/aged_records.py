"""Writes records whose created_at lies days back, as imports do, for tests of retention."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.support.database import TestDatabase
from tests.support.sealing import seal


def write_aged(
    database: TestDatabase, tenant: str = "acme", *, days: int = 400, count: int = 1, sealed: bool = True, **fields: Any
) -> list[str]:
    """Write records that were created so many days ago, and return their ids. fields: of each record."""
    created_at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    ids = [str(uuid.uuid4()) for _ in range(count)]
    record = {"agent_id": "kyc", "mode": "LIVE", "status": "success", "created_at": created_at} | fields
    key = database.issue_api_key(tenant, "import")
    with psycopg.connect(database.url("audit_app")) as connection:
        connection.execute("SELECT audit.enter_tenant(p_api_key => %s)", [key])
        connection.execute(
            "SELECT audit.import_audit_logs(%s::json, 1)", [json.dumps([{"id": each, **record} for each in ids])]
        )
    if sealed:
        seal(database)
    return ids


def kept(database: TestDatabase, tenant: str = "acme") -> int:
    """Return how many records a tenant has."""
    ((count,),) = database.execute("SELECT count(*) FROM audit.audit_logs WHERE tenant_id = %s", tenant)
    return int(count)
