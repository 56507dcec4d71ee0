"""The databases that are measured. fsync and synchronous_commit are on; nothing else is special."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from app import migrate
from app.local.server import PrivateServer
from bench.records import make_fresh_records, make_records

SCRIPTS = Path(__file__).parent / "sql"
# Connections: those of all services and peers that run side by side.
SERVER_SETTINGS = ("shared_buffers=256MB", "max_wal_size=4GB", "max_connections=200")
PAGE = 50


class Laboratory:
    """One migrated database, with the tenants `bench` and `few`, their API keys, and records of them and of others."""

    def __init__(
        self,
        server: PrivateServer,
        name: str,
        records: int,
        *,
        is_fresh: bool = False,
        release: Path | None = None,
    ) -> None:
        """Make it.

        server: running, and the first time without our roles. records: how many are there to be read. is_fresh: they
        have just been loaded, and the planner has no statistics. release: folder of another one, with its app and db.
        """
        self.server, self.name, self.records = server, name, records
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        if release:
            _migrate_as(release, server.url("postgres", name))
        else:
            migrate.apply(server.url("postgres", name))
        with self.superuser() as connection:
            if connection.execute("SELECT to_regrole('bench_owner')").fetchone() == (None,):
                connection.execute((SCRIPTS / "roles.sql").read_bytes())
            connection.execute((SCRIPTS / "prepare.sql").read_bytes())
            self.api_key, self.api_key_of_few = (
                str(connection.execute("SELECT audit.issue_api_key(%s, 'bench')", [tenant]).fetchall()[0][0])
                for tenant in ("bench", "few")
            )
        (make_fresh_records if is_fresh else make_records)(server.url("postgres", name), records)

    def url(self, role: str) -> str:
        """Return the libpq URL of the database, as `role`."""
        return self.server.url(role, self.name)

    def superuser(self) -> psycopg.Connection[Any]:
        """Connect as one whom no policy binds."""
        return psycopg.connect(self.url("postgres"), autocommit=True)

    def run(self, script: str) -> None:
        """Run one file of bench/sql as a superuser."""
        with self.superuser() as connection:
            connection.execute((SCRIPTS / script).read_bytes())

    def value(self, query: str, *parameters: Any) -> Any:
        """Return the one value of a query of a superuser's."""
        with self.superuser() as connection:
            ((value,),) = connection.execute(query.encode(), parameters).fetchall()
        return value

    def keyed(self, statement: str, *parameters: Any) -> Any:
        """Run a statement in a transaction that has entered the tenant with its key; return its one value."""
        with psycopg.connect(self.url("bench_key")) as connection:
            connection.execute("SELECT audit.enter_tenant(%s)", [self.api_key])
            ((value,),) = connection.execute(statement.encode(), parameters).fetchall()
        return value

    def connections_of_service(self, role: str) -> int:
        """Return how many connections the services hold that log in as `role`."""
        return int(self.value(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'ringfence' AND datname = %s AND usename = %s",
            self.name, role,
        ))  # fmt: skip

    def start_of_newest(self, count: int) -> str:
        """Return the time, in ISO 8601, of the first of the newest `count` records of the tenant."""
        start: datetime = self.value(
            "SELECT created_at FROM audit.audit_logs WHERE tenant_id = 'bench'"
            " ORDER BY created_at DESC LIMIT 1 OFFSET %s",
            count - 1,
        )
        return f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    def cursor_before(self, page: int) -> str:
        """Return the cursor that opens this page of fifty."""
        cursor, ahead = "", (page - 1) * PAGE
        while ahead > 0:
            limit = min(ahead, 1000)  # a cursor is good for pages of any size
            text = self.keyed("SELECT audit.list_audit_logs(p_limit => %s, p_cursor => NULLIF(%s, ''))", limit, cursor)
            cursor = json.loads(text)["next_cursor"]
            ahead -= limit
        return cursor


def _migrate_as(release: Path, url: str) -> None:
    """Migrate with the command of another release: it reads answers that this one's code may read otherwise."""
    environment = {**os.environ, "MIGRATION_DATABASE_URL": url}
    command = [sys.executable, "-m", "app.migrate", "apply"]
    done = subprocess.run(command, cwd=release, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{release} does not migrate: {done.stderr}")
