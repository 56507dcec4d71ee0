"""Administration: `python -m app.admin`, over the functions that the role audit_admin may call.

The database is named by ADMIN_DATABASE_URL, as a login that is a member of audit_admin: whoever logs in is who
audit.admin_events will name. A key is printed when it is issued, and can never be shown again.
"""

import argparse
import json
import re
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, NoReturn

import psycopg
from psycopg.rows import dict_row

from app import database_url, terminal

Row = dict[str, Any]
_DURATION = re.compile(r"(\d{1,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_GIVES_A_KEY = ("issue-key", "rotate-key")


class Refused(Exception):
    """The database refuses: nothing was done. Its text is one plain sentence."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One line, and nothing of what was typed obeyed by the terminal.
        terminal.complain(f"{self.prog}: {message}")
        raise SystemExit(2)


def _duration(text: str) -> timedelta:
    if not (match := _DURATION.fullmatch(text)):
        raise argparse.ArgumentTypeError("a number and s, m, h or d, for example 24h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _lifetime(text: str) -> timedelta:
    # Zero is not "never", and a key that has expired already is for nobody.
    if not (duration := _duration(text)):
        raise argparse.ArgumentTypeError("more than zero, for example 90d; leave it out for a key that never expires")
    return duration


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = datetime.min
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError("a date and a time with a zone, for example 2026-01-31T00:00:00Z")
    return instant


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m app.admin", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    create = commands.add_parser("create-tenant", help="register a tenant")
    create.add_argument("tenant")
    create.add_argument("--name", help="for people")
    commands.add_parser("list-tenants", help="list the tenants")

    issue = commands.add_parser("issue-key", help="issue an API key, and show it once")
    issue.add_argument("tenant")
    issue.add_argument("--label", required=True, help="where the key will be used")
    issue.add_argument("--scopes", default="read,write", help="of read, write and import (default: read,write)")
    issue.add_argument("--expires-in", type=_lifetime, metavar="DURATION", help="for example 90d (default: never)")
    listing = commands.add_parser("list-keys", help="list the API keys, without their secrets")
    listing.add_argument("--tenant")
    rotate = commands.add_parser("rotate-key", help="replace a key; both are valid for a while")
    rotate.add_argument("id", help="the public part, between the two underscores")
    rotate.add_argument(
        "--overlap",
        type=_duration,
        default=timedelta(hours=24),
        metavar="DURATION",
        help="how long the old key stays valid; 0s ends it at once (default: 24h)",
    )
    revoke = commands.add_parser("revoke-key", help="end a key for good")
    revoke.add_argument("id")
    commands.add_parser("rotate-secret", help="replace the secret that proofs are made with, without an outage")

    events = commands.add_parser("list-events", help="list what was done, newest first")
    events.add_argument("--tenant", help="to this tenant (default: to all, and what concerns none alone)")
    events.add_argument("--key", metavar="ID", help="to this API key, or with it; its public part")
    events.add_argument("--act", help="for example 'api key issued'")
    events.add_argument("--since", type=_instant, metavar="TIME", help="from this time on, with a zone")
    events.add_argument("--until", type=_instant, metavar="TIME", help="before this time, with a zone")
    events.add_argument("--limit", type=int, default=50, metavar="N", help="1 to 1000 (default: 50)")
    events.add_argument("--cursor", help="what the page before ended with")
    for command in commands.choices.values():  # before the command or after it
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def run(connection: psycopg.Connection[Row], arguments: argparse.Namespace) -> list[Row]:
    """Execute one command and return its rows. Raises psycopg.Error when the database refuses: nothing was done."""

    def call(statement: LiteralString, **parameters: Any) -> list[Row]:
        return connection.execute(statement, parameters).fetchall()

    commands: dict[str, Callable[[], list[Row]]] = {
        "create-tenant": lambda: call(
            "SELECT audit.create_tenant(p_id => %(id)s, p_name => %(name)s) AS tenant",
            id=arguments.tenant,
            name=arguments.name,
        ),
        "list-tenants": lambda: call("SELECT * FROM audit.list_tenants()"),
        "issue-key": lambda: call(
            "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => %(label)s, p_scopes => %(scopes)s,"
            " p_expires_at => %(expires_at)s) AS api_key",
            tenant=arguments.tenant,
            label=arguments.label,
            scopes=[scope.strip() for scope in arguments.scopes.split(",")],
            expires_at=None if arguments.expires_in is None else datetime.now(UTC) + arguments.expires_in,
        ),
        "list-keys": lambda: call(
            "SELECT * FROM audit.list_api_keys(p_tenant_id => %(tenant)s)", tenant=arguments.tenant
        ),
        "rotate-key": lambda: call(
            "SELECT audit.rotate_api_key(p_id => %(id)s, p_overlap => %(overlap)s) AS api_key",
            id=arguments.id,
            overlap=arguments.overlap,
        ),
        "revoke-key": lambda: call("SELECT audit.revoke_api_key(p_id => %(id)s)", id=arguments.id) and [],
        "rotate-secret": lambda: call("SELECT audit.rotate_proof_secret() AS secret"),
        "list-events": lambda: call(
            "SELECT audit.list_all_admin_events(p_tenant_id => %(tenant)s, p_act => %(act)s,"
            " p_api_key_id => %(key)s, p_start_time => %(since)s, p_end_time => %(until)s,"
            " p_limit => %(limit)s::int, p_cursor => %(cursor)s) AS page",
            tenant=arguments.tenant,
            act=arguments.act,
            key=arguments.key,
            since=arguments.since,
            until=arguments.until,
            limit=arguments.limit,
            cursor=arguments.cursor,
        ),
    }
    return commands[arguments.command]()


def _answer(rows: list[Row], arguments: argparse.Namespace) -> str:
    """Return what to print: JSON, or text for people."""
    match arguments.command:
        case "list-events":
            page = json.loads(rows[0]["page"])
            order = ("created_at", "act", "tenant_id", "api_key_id", "actor", "detail")
            text = terminal.table([{name: item[name] for name in order} for item in page["items"]])
            return json.dumps(page) if arguments.json else text
        case _ if arguments.json:
            return json.dumps(rows, default=_json)
        case "issue-key" | "rotate-key":
            return str(rows[0]["api_key"])
        case "revoke-key":
            return "revoked"
        case "rotate-secret":
            return f"proof secret {rows[0]['secret']} is in use; the one before still checks for 30 seconds"
    return terminal.table(rows)


def _json(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _hint(rows: list[Row], arguments: argparse.Namespace) -> str | None:
    """Return what to say beside the answer, on standard error."""
    if arguments.command in _GIVES_A_KEY and not arguments.json:
        return "Keep it now: it is not shown again."
    if arguments.command == "list-events" and not arguments.json and (page := json.loads(rows[0]["page"]))["has_more"]:
        return f"There are more: --cursor {page['next_cursor']}"
    return None


def _execute(url: str, arguments: argparse.Namespace) -> None:
    """Run the command and print its answer. Raises Refused, psycopg.Error or, where the answer is lost, OSError."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        if found := database_url.encoding_fault(connection.info.parameter_status("server_encoding")):
            raise Refused(f"ADMIN_DATABASE_URL: {found}")
        try:
            rows = run(connection, arguments)
        except psycopg.Error as error:
            raise Refused(_reason(connection, error)) from error
        except UnicodeEncodeError as error:
            raise Refused("an argument is not valid Unicode") from error
        answer = _answer(rows, arguments)
        if arguments.command in _GIVES_A_KEY:
            try:
                terminal.write(answer)  # before COMMIT: a key that nobody got to see must not exist
            except OSError as error:
                raise Refused(f"no key was issued, since it could not be printed: {error.strerror}") from error
            try:
                connection.commit()
            except psycopg.Error as error:
                raise Refused(f"the key above may not be valid; see list-keys: {_first_line(error)}") from error
    if arguments.command not in _GIVES_A_KEY:
        terminal.write(answer)
    if hint := _hint(rows, arguments):
        terminal.complain(hint)


def _reason(connection: psycopg.Connection[Row], error: psycopg.Error) -> str:
    """Say why the database refuses: in its own words, or those of the rule that was broken."""
    if isinstance(error, psycopg.errors.CheckViolation):
        connection.rollback()
        (found,) = connection.execute(
            "SELECT audit.rule_in_words(p_constraint => %(name)s) AS rule", {"name": error.diag.constraint_name}
        ).fetchall()
        if found["rule"] is not None:
            return str(found["rule"])
    return _first_line(error)


def _first_line(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().splitlines()[0]


def main() -> int:
    """Run the command line; return the exit status: 0, or 1 or 2 with the reason in one line, or that of SIGPIPE."""
    terminal.escape_unencodable()
    try:
        try:
            arguments = _parser().parse_args()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # of --help
        url = database_url.from_environment("ADMIN_DATABASE_URL", "the database, as a member of audit_admin")
        _execute(url, arguments)
    except BrokenPipeError:  # whoever reads has read enough
        terminal.abandon()
        return 128 + signal.SIGPIPE
    except OSError as error:
        terminal.abandon()
        terminal.complain(f"the answer could not be printed: {error.strerror}")
        return 1
    except (Refused, database_url.BadDatabaseUrl, psycopg.Error) as error:
        terminal.complain(_first_line(error) if isinstance(error, psycopg.Error) else str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
