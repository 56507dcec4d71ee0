"""The two demo tenants of a private server, and an API key for each, in .data/demo.env (mode 0600)."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import errors

TENANTS = {"acme": "Acme Bank", "globex": "Globex Bank"}


def register(administrator_url: str, app_url: str, file: Path) -> dict[str, str]:
    """Register the demo tenants, and return {variable: API key}: those of `file` that are valid, else new ones."""
    known, found = read(file), dict[str, str]()
    with (
        psycopg.connect(app_url, autocommit=True) as app,
        psycopg.connect(administrator_url, autocommit=True) as administrator,
    ):
        for tenant, name in TENANTS.items():
            with suppress(errors.UniqueViolation):
                administrator.execute(
                    "SELECT audit.create_tenant(p_id => %(id)s, p_name => %(name)s)", {"id": tenant, "name": name}
                )
            variable = f"{tenant.upper()}_API_KEY"
            found[variable] = known.get(variable, "")
            try:
                app.execute(
                    "SELECT audit.enter_tenant(p_api_key => %(key)s, p_tenant_id => %(tenant)s)",
                    {"key": found[variable], "tenant": tenant},
                )
            except psycopg.Error:
                ((found[variable],),) = administrator.execute(
                    "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => 'demo')", {"tenant": tenant}
                ).fetchall()
    return found


def read(file: Path) -> dict[str, str]:
    """Return the variables of `file`, none when it is not there."""
    if not file.exists():
        return {}
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def write(file: Path, variables: dict[str, str]) -> None:
    """Replace `file` at once by one with these variables, which its owner alone may read at any time."""
    unfinished = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.writelines(f"{name}={value}\n" for name, value in variables.items())
    unfinished.replace(file)
