"""`make run` without a database: a private PostgreSQL, migrated, with two demo tenants, and the service on top of it.

`python -m app.local serve` does all of that and stops the server with the service.
`python -m app.local with -- COMMAND` runs a command, psql for one, with libpq's variables (PGHOST and so on) set to the
same database, or to DATABASE_URL where that is set, starting the private server when it is needed and does not run.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType

import psycopg2
import psycopg2.errors
import psycopg2.extensions

from app import __main__ as service
from app import migrate
from app.database_files import DATABASE_DIRECTORY
from app.private_server import PrivateServer, ServerFailed, wheel_binaries
from app.settings import Settings

DATA = Path(".data")
DATABASE = "ringfence"
_LIBPQ_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "options": "PGOPTIONS",
}
DEMO_TENANTS = {"acme": "Acme Bank", "globex": "Globex Bank"}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def prepare(server: PrivateServer) -> None:
    """Make the database, bring it to this release, and register the demo tenants; what is there is left as it is."""
    superuser = server.url("postgres")
    connection = psycopg2.connect(superuser)
    connection.autocommit = True
    with connection.cursor() as cursor, suppress(psycopg2.errors.DuplicateDatabase):
        cursor.execute((DATABASE_DIRECTORY / "private_database.sql").read_text())
    connection.close()

    done = migrate.apply(server.url("postgres", DATABASE))
    _say(f"  schema: {'applied ' + str(len(done.pending) + len(done.changed)) + ' files' if done else 'up to date'}")
    connection = psycopg2.connect(server.url("postgres", DATABASE))
    connection.autocommit = True
    with connection.cursor() as cursor:
        for tenant, name in DEMO_TENANTS.items():
            with suppress(psycopg2.errors.UniqueViolation):
                cursor.execute(
                    "SELECT audit.create_tenant(p_id => %(id)s, p_name => %(name)s)", {"id": tenant, "name": name}
                )
    connection.close()


@contextmanager
def _private_database() -> Iterator[str]:
    """Yield the URL of the prepared database for audit_app; stop the server at the end if it was started here."""
    server = PrivateServer(wheel_binaries(), DATA / "postgresql-18")
    started_here = not server.running
    try:
        if started_here:
            _say("  PostgreSQL 18: starting, in .data/postgresql-18")
            server.start()
        prepare(server)
        yield server.url("audit_app", DATABASE)
    finally:
        if started_here:
            server.stop()
            _say("  PostgreSQL 18: stopped")


def _curl_lines(settings: Settings) -> str:
    url = f"http://{settings.host}:{settings.port}"
    return f"""
Ringfence listens on {url}. In another terminal:

  curl -sS -X POST {url}/api/v1/agents/credit-scoring/execute \\
    -H 'X-Tenant-ID: acme' -H 'Content-Type: application/json' -d '{{"input": {{"amount": 1200}}}}'
  curl -sS {url}/api/v1/audit/logs -H 'X-Tenant-ID: acme'
  curl -sS {url}/api/v1/audit/logs -H 'X-Tenant-ID: globex'
  curl -sS {url}/api/v1/health/db

  make verify        the whole walk-through, with PASS or FAIL
  Ctrl-C             stops the service and the database; the records stay
"""


def _serve() -> int:
    def stop(signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    # The service hands a signal back once it has stopped; without this, SIGTERM would end the process there and then,
    # and leave the database running.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    with _private_database() as database_url:
        os.environ["DATABASE_URL"] = database_url
        _say(_curl_lines(Settings()))
        try:
            return service.main()
        except KeyboardInterrupt:
            return 0


def _run_with(command: list[str]) -> int:
    with _private_database() if not os.environ.get("DATABASE_URL") else nullcontext(os.environ["DATABASE_URL"]) as url:
        # As variables, not as an argument, which every user of the machine can see.
        named = psycopg2.extensions.parse_dsn(url)
        variables = {_LIBPQ_VARIABLES[name]: value for name, value in named.items() if name in _LIBPQ_VARIABLES}
        path = f"{wheel_binaries()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return subprocess.run(command, env={**os.environ, **variables, "PATH": path}, check=False).returncode


def main() -> int:
    """Run one of the two commands; return its exit status."""
    try:
        match sys.argv[1:]:
            case ["serve"]:
                return _serve()
            case ["with", "--", *command] if command:
                return _run_with(command)
            case _:
                _say(__doc__)
                return 2
    except (ServerFailed, migrate.MigrationRefused, psycopg2.Error) as error:
        _say(f"ringfence: {str(error).strip()}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
