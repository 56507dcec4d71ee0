"""`make run` without a database: a private PostgreSQL, migrated, with two demo tenants, the service and a signer.

`python -m app.local serve` does all of that and stops the server with the service.
`python -m app.local with -- COMMAND` runs a command, psql for one, on the same database, or on DATABASE_URL where that
is set: libpq's variables (PGHOST and so on) name it, and the demo keys stand beside them. The private server is started
for the command when it does not run.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType

import psycopg
import psycopg2
from psycopg import errors

from app import __main__ as service
from app import database_url, migrate
from app.local import demo, signer
from app.local.server import PrivateServer, ServerFailed, wheel_binaries
from app.settings import SettingsRefused, describe, read_settings
from app.shutdown import LIKE_SIGTERM
from app.sign.files import BadDirectory
from app.terminal_text import printable

_HERE = Path(__file__).parent
_DATA = Path(".data")
DEMO_FILE = _DATA / "demo.env"
_SIGNER_DIRECTORY = _DATA / "signer"
_DATABASE = "ringfence"
_NEXT_STEPS = """
Ringfence listens on {url}. In another terminal:

  . {file}      # RINGFENCE_URL, ACME_API_KEY, GLOBEX_API_KEY, and ACME_VKEY, GLOBEX_VKEY to verify with
  curl -sS -X POST "$RINGFENCE_URL/api/v1/agents/credit-scoring/execute" -H "Authorization: Bearer $ACME_API_KEY" \\
    -H 'Content-Type: application/json' -d '{{"input": {{"amount": 1200}}}}'
  curl -sS "$RINGFENCE_URL/api/v1/audit/logs" -H "Authorization: Bearer $ACME_API_KEY"
  curl -sS "$RINGFENCE_URL/api/v1/audit/logs" -H "Authorization: Bearer $GLOBEX_API_KEY"
  curl -sS "$RINGFENCE_URL/api/v1/health/db"

  make verify        the whole walk-through, with PASS or FAIL
  Ctrl-C             stops the service and the database; the records stay
"""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _prepare(server: PrivateServer) -> dict[str, str]:
    """Make the database, bring it to this release, register the demo tenants; return {variable: API key}.

    Whatever is there already stays.
    """
    administrator = server.url("postgres", _DATABASE)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection, suppress(errors.DuplicateDatabase):
        connection.execute((_HERE / "private_database.sql").read_bytes())
    done = migrate.apply(administrator)
    _say(f"  schema: {f'applied {len(done.pending) + len(done.changed)} files' if done else 'up to date'}")
    with psycopg.connect(administrator) as connection:
        connection.execute((_HERE / "private_server.sql").read_bytes())
    return demo.register(administrator, server.url("audit_app", _DATABASE), DEMO_FILE)


@contextmanager
def _private_database() -> Iterator[tuple[PrivateServer, dict[str, str]]]:
    """Yield the server of the prepared database and {variable: API key}; stop it at the end if it was started here.

    DATABASE_URL and ADMIN_DATABASE_URL name it meanwhile, and libpq's variables of the shell count no longer.
    """
    database_url.forget_libpq_variables()
    server = PrivateServer(wheel_binaries(), _DATA / "postgresql-18")
    started_here = not server.running
    try:
        if started_here:
            _say("  PostgreSQL 18: starting, in .data/postgresql-18")
            server.start()
        api_keys = _prepare(server)
        os.environ["DATABASE_URL"] = server.url("audit_app", _DATABASE)
        os.environ["ADMIN_DATABASE_URL"] = server.url("postgres", _DATABASE)
        yield server, api_keys
    finally:
        if started_here:
            server.stop()
            _say("  PostgreSQL 18: stopped")


def _stop(signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def _serve() -> int:
    # The service hands a signal back once it has stopped. Without a handler SIGTERM would then end this process at
    # once, and leave the database running.
    for number in (signal.SIGTERM, *LIKE_SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, _stop)
    with _private_database() as (server, api_keys):
        settings = read_settings()
        url = f"http://{settings.host}:{settings.port}"
        vkeys = signer.prepare(_SIGNER_DIRECTORY, demo.TENANTS)
        demo.write(DEMO_FILE, {"RINGFENCE_URL": url, **api_keys, **vkeys})
        _say(_NEXT_STEPS.format(url=url, file=DEMO_FILE))
        with signer.running(_SIGNER_DIRECTORY, server.url(signer.ROLE, _DATABASE), _say):
            try:
                return service.main([])
            except KeyboardInterrupt:
                return 0


def _run_with(command: list[str]) -> int:
    given = nullcontext((None, dict[str, str]()))
    with given if os.environ.get("DATABASE_URL") else _private_database() as (_, api_keys):
        # As variables, not as an argument, which every user of the machine can see.
        url = database_url.from_environment("DATABASE_URL", "the database, as audit_app")
        environment = database_url.as_libpq_variables(url) | api_keys
        if api_keys:
            demo.write(DEMO_FILE, {"RINGFENCE_URL": "http://127.0.0.1:8000", **demo.read(DEMO_FILE), **api_keys})
        environment["PATH"] = f"{wheel_binaries()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """Run one of the two commands; return its exit status."""
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
    arguments = parser.parse_args()
    try:
        if arguments.command == "serve":
            return _serve()
        if arguments.words[:1] != ["--"] or not arguments.words[1:]:
            parser.error("with wants -- and a command")
        return _run_with(arguments.words[1:])
    except (ServerFailed, migrate.MigrationRefused, psycopg.Error, psycopg2.Error) as error:
        _say(f"ringfence: {printable(database_url.one_line(error))}")
    except (SettingsRefused, database_url.BadDatabaseUrl, BadDirectory) as error:
        _say(f"ringfence: {printable(error)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
