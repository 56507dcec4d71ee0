"""The two demo tenants of a private server, and an API key for each, in .data/demo.env (mode 0600)."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import errors

TENANTS = {"acme": "Acme Bank", "globex": "Globex Bank"}


def register_tenants(administrator_url: str) -> None:
    """Register the demo tenants; those that are there are left as they are."""
    with psycopg.connect(administrator_url, autocommit=True) as connection:
        for tenant, name in TENANTS.items():
            with suppress(errors.UniqueViolation):
                connection.execute(
                    "SELECT audit.create_tenant(p_id => %(id)s, p_name => %(name)s)", {"id": tenant, "name": name}
                )


def keys(administrator_url: str, app_url: str, file: Path) -> dict[str, str]:
    """Return {tenant: API key}: those of `file` while they open their tenants, else new ones."""
    known = read(file)
    found = {tenant: known.get(f"{tenant.upper()}_API_KEY", "") for tenant in TENANTS}
    with psycopg.connect(app_url, autocommit=True) as app, psycopg.connect(administrator_url) as administrator:
        for tenant, key in found.items():
            try:
                app.execute(
                    "SELECT audit.enter_tenant(p_api_key => %(key)s, p_tenant_id => %(tenant)s)",
                    {"key": key, "tenant": tenant},
                )
            except psycopg.Error:
                issued = administrator.execute(
                    "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => 'demo')", {"tenant": tenant}
                ).fetchone()
                assert issued is not None
                found[tenant] = issued[0]
    return found


def read(file: Path) -> dict[str, str]:
    """Return the variables of `file`, none when it is not there."""
    if not file.exists():
        return {}
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def write(file: Path, url: str, api_keys: dict[str, str]) -> None:
    """Write RINGFENCE_URL, ACME_API_KEY and GLOBEX_API_KEY to `file`, which its owner alone may read, at any time."""
    variables = {"RINGFENCE_URL": url, **{f"{tenant.upper()}_API_KEY": key for tenant, key in api_keys.items()}}
    unfinished = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.writelines(f"{name}={value}\n" for name, value in variables.items())
    unfinished.replace(file)
