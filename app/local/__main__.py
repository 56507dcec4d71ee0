"""`make run` without a database: a private PostgreSQL, migrated, with two demo tenants, and the service on top of it.

`python -m app.local serve` does all of that and stops the server with the service.
`python -m app.local with -- COMMAND` runs a command, psql for one, with libpq's variables (PGHOST and so on) set to the
same database, the demo keys beside them, or to DATABASE_URL where that is set; the private server is started when it is
needed and does not run.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType

import psycopg
import psycopg2
from psycopg import errors

from app import __main__ as service
from app import database_url, migrate
from app.local import demo
from app.local.server import PrivateServer, ServerFailed, wheel_binaries
from app.settings import SettingsRefused, describe, read_settings
from app.shutdown import LIKE_SIGTERM
from app.terminal_text import printable

_HERE = Path(__file__).parent
DATA = Path(".data")
DEMO_FILE = DATA / "demo.env"
DATABASE = "ringfence"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def prepare(server: PrivateServer) -> dict[str, str]:
    """Make the database, bring it to this release, register the demo tenants; return {tenant: API key}.

    What is there is left as it is.
    """
    administrator = server.url("postgres", DATABASE)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection, suppress(errors.DuplicateDatabase):
        connection.execute((_HERE / "private_database.sql").read_bytes())
    done = migrate.apply(administrator)
    _say(f"  schema: {'applied ' + str(len(done.pending) + len(done.changed)) + ' files' if done else 'up to date'}")
    with psycopg.connect(administrator) as connection:
        connection.execute((_HERE / "private_server.sql").read_bytes())
    demo.register_tenants(administrator)
    return demo.keys(administrator, server.url("audit_app", DATABASE), DEMO_FILE)


@contextmanager
def _private_database() -> Iterator[dict[str, str]]:
    """Yield {tenant: API key} of the prepared database; stop the server at the end if it was started here.

    DATABASE_URL and ADMIN_DATABASE_URL name it meanwhile, and libpq's variables of the shell count no longer.
    """
    database_url.forget_libpq_variables()
    server = PrivateServer(wheel_binaries(), DATA / "postgresql-18")
    started_here = not server.running
    try:
        if started_here:
            _say("  PostgreSQL 18: starting, in .data/postgresql-18")
            server.start()
        api_keys = prepare(server)
        os.environ["DATABASE_URL"] = server.url("audit_app", DATABASE)
        os.environ["ADMIN_DATABASE_URL"] = server.url("postgres", DATABASE)
        yield api_keys
    finally:
        if started_here:
            server.stop()
            _say("  PostgreSQL 18: stopped")


def _curl_lines(url: str) -> str:
    return f"""
Ringfence listens on {url}. In another terminal:

  . {DEMO_FILE}      # RINGFENCE_URL, ACME_API_KEY, GLOBEX_API_KEY
  curl -sS -X POST "$RINGFENCE_URL/api/v1/agents/credit-scoring/execute" -H "Authorization: Bearer $ACME_API_KEY" \\
    -H 'Content-Type: application/json' -d '{{"input": {{"amount": 1200}}}}'
  curl -sS "$RINGFENCE_URL/api/v1/audit/logs" -H "Authorization: Bearer $ACME_API_KEY"
  curl -sS "$RINGFENCE_URL/api/v1/audit/logs" -H "Authorization: Bearer $GLOBEX_API_KEY"
  curl -sS "$RINGFENCE_URL/api/v1/health/db"

  make verify        the whole walk-through, with PASS or FAIL
  Ctrl-C             stops the service and the database; the records stay
"""


def _serve() -> int:
    def stop(signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    # The service hands a signal back once it has stopped; without this, SIGTERM would end the process there and then,
    # and leave the database running.
    for number in (signal.SIGTERM, *LIKE_SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, stop)
    with _private_database() as api_keys:
        settings = read_settings()
        url = f"http://{settings.host}:{settings.port}"
        demo.write(DEMO_FILE, url, api_keys)
        _say(_curl_lines(url))
        try:
            return service.main([])
        except KeyboardInterrupt:
            return 0


def _run_with(command: list[str]) -> int:
    nothing: AbstractContextManager[dict[str, str]] = nullcontext({})
    with nothing if os.environ.get("DATABASE_URL") else _private_database() as api_keys:
        # As variables, not as an argument, which every user of the machine can see.
        url = database_url.from_environment("DATABASE_URL", "the database, as audit_app")
        environment = database_url.as_libpq_variables(url)
        if api_keys:
            demo.write(DEMO_FILE, demo.read(DEMO_FILE).get("RINGFENCE_URL", "http://127.0.0.1:8000"), api_keys)
        environment |= {f"{tenant.upper()}_API_KEY": key for tenant, key in api_keys.items()}
        environment["PATH"] = f"{wheel_binaries()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return subprocess.run(command, env=environment, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.local",
        description=__doc__,
        epilog=f"The service is configured by these environment variables.\n\n{describe()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the private database, until Ctrl-C")
    run = commands.add_parser("with", help="run a command with the variables of the database")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")
    return parser


def main() -> int:
    """Run one of the two commands; return its exit status."""
    parser = _parser()
    arguments = parser.parse_args()
    try:
        if arguments.command == "serve":
            return _serve()
        words: list[str] = arguments.words
        if words[:1] != ["--"] or not words[1:]:
            parser.error("with wants -- and a command")
        return _run_with(words[1:])
    except (ServerFailed, migrate.MigrationRefused, psycopg.Error, psycopg2.Error) as error:
        _say(f"ringfence: {printable(database_url.one_line(error))}")
    except (SettingsRefused, database_url.BadDatabaseUrl) as error:
        _say(f"ringfence: {printable(error)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
