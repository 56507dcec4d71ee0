"""Old records, terms, and the logins that prune, erase and hold."""

import uuid
from typing import Any

import psycopg
from psycopg import Connection

from tests.support.database import TestDatabase

PRUNE = "SELECT pruned FROM audit.prune_records()"


def write(
    database: TestDatabase, age: str, *, tenant: str = "acme", mode: str | None = "LIVE", count: int = 1, **more: Any
) -> list[uuid.UUID]:
    """Store records of this age, an interval of PostgreSQL, and return their ids. more: user_id, error, trace_id."""
    rows = database.execute(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, user_id, error, trace_id, created_at)"
        " SELECT gen_random_uuid(), %s, 'agent', %s, 'success', %s, %s, %s, clock_timestamp() - %s::interval"
        " FROM generate_series(1, %s) RETURNING id",
        tenant,
        mode,
        more.get("user_id"),
        more.get("error"),
        more.get("trace_id"),
        age,
        count,
    )
    return [row[0] for row in rows]


def set_terms(database: TestDatabase, live: int | None, dry_run: int | None = None, *, tenant: str = "acme") -> None:
    """Set how many days the records of a tenant are kept; None: for ever."""
    database.execute("SELECT audit.set_retention(%s, %s, %s)", tenant, live, dry_run)


def stored(database: TestDatabase, tenant: str = "acme") -> set[uuid.UUID]:
    """Return the ids of a tenant's records."""
    return {row[0] for row in database.execute("SELECT id FROM audit.audit_logs WHERE tenant_id = %s", tenant)}


def value(connection: Connection[Any], statement: str, *parameters: Any) -> Any:
    """Run a statement; return the first column of its one row."""
    ((first, *_),) = connection.execute(statement.encode(), parameters or None).fetchall()
    return first


def sqlstate(connection: Connection[Any], statement: str, *parameters: Any) -> str | None:
    """Return the SQLSTATE with which a statement is refused; None when it is not."""
    try:
        with connection.transaction():
            connection.execute(statement.encode(), parameters or None)
    except psycopg.Error as error:
        return error.sqlstate
    return None
