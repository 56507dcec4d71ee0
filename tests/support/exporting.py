"""Exports with a tenant's key, as the service does: part by part, each in a transaction of its own."""

from pathlib import Path
from typing import Any

from psycopg import Connection


def enter(service: Connection[Any], key: str) -> None:
    """Prove the tenant of a key for this transaction."""
    service.execute("SELECT audit.enter_tenant(p_api_key => %s)", [key])


def export(
    service: Connection[Any],
    key: str,
    file: Path,
    form: str = "evidence",
    start: object = None,
    end: object = None,
) -> Path:
    """Write an export to a file. service: in autocommit. start, end: of a window of time."""
    with service.transaction():
        enter(service, key)
        ((state,),) = service.execute(
            "SELECT audit.begin_export(p_api_key => %s, p_format => %s, p_start_time => %s, p_end_time => %s)",
            [key, form, start, end],
        ).fetchall()
    with file.open("wb") as output:
        while state is not None:
            with service.transaction():
                enter(service, key)
                service.execute("SELECT audit.continue_export(p_state => %s)", [state])
                rows = service.execute("SELECT lines, state FROM audit.export_audit_logs()").fetchall()
            output.writelines(lines for lines, _ in rows)
            state = rows[-1][1]
    return file
