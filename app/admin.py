"""Administration: `python -m app.admin`, over the functions that the role audit_admin may call.

ADMIN_DATABASE_URL names the database, as a login that is a member of audit_admin: audit.admin_events names that login.
A key is printed when it is issued, and can never be shown again.
"""

import argparse
import json
import re
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from app import database_url, terminal

Row = dict[str, Any]
_DURATION = re.compile(r"(\d{1,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_GIVES_A_KEY = ("issue-key", "rotate-key")
_EVENT_COLUMNS = ("created_at", "act", "tenant_id", "api_key_id", "actor", "detail")


class Refused(Exception):
    """The database refuses: nothing was done. Its text is one plain sentence."""


def _duration(text: str) -> timedelta:
    if not (match := _DURATION.fullmatch(text)):
        raise argparse.ArgumentTypeError("a number and s, m, h or d, for example 24h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _lifetime(text: str) -> timedelta:
    # Zero is not "never", and nobody can use a key that has expired already.
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


def _scopes(text: str) -> list[str]:
    return [scope.strip() for scope in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    """Return the command line. `statement` of each command takes the command's arguments as parameters, by name."""
    parser = terminal.Parser(prog="python -m app.admin", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, statement: LiteralString, meaning: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=meaning)
        added.set_defaults(statement=statement)
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added

    create = command(
        "create-tenant",
        "SELECT audit.create_tenant(p_id => %(tenant)s, p_name => %(name)s) AS tenant",
        "register a tenant",
    )
    create.add_argument("tenant")
    create.add_argument("--name", help="for people")

    command("list-tenants", "SELECT id, name, created_at FROM audit.list_tenants()", "list the tenants")

    issue = command(
        "issue-key",
        "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => %(label)s, p_scopes => %(scopes)s,"
        " p_expires_at => now() + %(expires_in)s::interval) AS api_key",
        "issue an API key, and show it once",
    )
    issue.add_argument("tenant")
    issue.add_argument("--label", required=True, help="where the key will be used")
    issue.add_argument(
        "--scopes", type=_scopes, default="read,write", help="of read, write and import (default: read,write)"
    )
    issue.add_argument("--expires-in", type=_lifetime, metavar="DURATION", help="for example 90d (default: never)")

    keys = command(
        "list-keys",
        "SELECT id, tenant_id, label, scopes, status, created_at, expires_at, revoked_at, last_used_at"
        " FROM audit.list_api_keys(p_tenant_id => %(tenant)s)",
        "list the API keys, without their secrets",
    )
    keys.add_argument("--tenant")

    rotate = command(
        "rotate-key",
        "SELECT audit.rotate_api_key(p_id => %(id)s, p_overlap => %(overlap)s) AS api_key",
        "replace a key; both are valid for a while",
    )
    rotate.add_argument("id", help="the public part, between the two underscores")
    rotate.add_argument(
        "--overlap",
        type=_duration,
        default=timedelta(hours=24),
        metavar="DURATION",
        help="how long the old key stays valid; 0s ends it at once (default: 24h)",
    )

    revoke = command("revoke-key", "SELECT audit.revoke_api_key(p_id => %(id)s)", "end a key for good")
    revoke.add_argument("id")

    command(
        "rotate-secret",
        "SELECT audit.rotate_proof_secret() AS secret",
        "replace the secret that proofs are made with, without an outage",
    )

    events = command(
        "list-events",
        "SELECT audit.list_all_admin_events(p_tenant_id => %(tenant)s, p_act => %(act)s, p_api_key_id => %(key)s,"
        " p_start_time => %(since)s, p_end_time => %(until)s, p_limit => %(limit)s::int, p_cursor => %(cursor)s)"
        " AS page",
        "list what was done, newest first",
    )
    events.add_argument("--tenant", help="to this tenant (default: to all, and what concerns none alone)")
    events.add_argument("--key", metavar="ID", help="to this API key, or with it; its public part")
    events.add_argument("--act", help="for example 'api key issued'")
    events.add_argument("--since", type=_instant, metavar="TIME", help="from this time on, with a zone")
    events.add_argument("--until", type=_instant, metavar="TIME", help="before this time, with a zone")
    events.add_argument("--limit", type=int, default=50, metavar="N", help="1 to 1000 (default: 50)")
    events.add_argument("--cursor", help="what the page before ended with")
    return parser


def _answer(rows: list[Row], command: str, *, as_json: bool) -> tuple[str, str | None]:
    """Return what to print, as JSON or as text for people, and what to add on standard error."""
    if command == "list-events":
        page = json.loads(rows[0]["page"])
        if as_json:
            return json.dumps(page), None
        items = [{name: item[name] for name in _EVENT_COLUMNS} for item in page["items"]]
        return terminal.table(items), f"There are more: --cursor {page['next_cursor']}" if page["has_more"] else None
    if as_json:
        return json.dumps([] if command == "revoke-key" else rows, default=_json), None
    match command:
        case "issue-key" | "rotate-key":
            return rows[0]["api_key"], "Keep it now: it is not shown again."
        case "revoke-key":
            return "revoked", None
        case "rotate-secret":
            return f"proof secret {rows[0]['secret']} is in use; the one before still checks for 30 seconds", None
    return terminal.table(rows), None


def _json(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _execute(url: str, arguments: argparse.Namespace) -> None:
    """Run the command and print its answer. Raises Refused, psycopg.Error or, where the answer is lost, OSError."""
    gives_a_key = arguments.command in _GIVES_A_KEY
    with psycopg.connect(url, row_factory=dict_row) as connection:
        if found := database_url.encoding_fault(connection.info.parameter_status("server_encoding")):
            raise Refused(f"ADMIN_DATABASE_URL: {found}")
        try:
            rows = connection.execute(arguments.statement, vars(arguments)).fetchall()
        except psycopg.Error as error:
            raise Refused(_reason(connection, error)) from error
        except UnicodeEncodeError as error:
            raise Refused("an argument is not valid Unicode") from error
        answer, hint = _answer(rows, arguments.command, as_json=arguments.json)
        if gives_a_key:
            try:
                terminal.write(answer)  # before COMMIT: a key that could not be shown must not exist
            except OSError as error:
                raise Refused(f"no key was issued, since it could not be printed: {error.strerror}") from error
            try:
                connection.commit()
            except psycopg.Error as error:
                why = database_url.first_line(error)
                raise Refused(f"the key above may not be valid; see list-keys: {why}") from error
    if not gives_a_key:
        terminal.write(answer)
    if hint:
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
    return database_url.first_line(error)


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
    except BrokenPipeError:  # the reader has read enough
        terminal.abandon()
        return 128 + signal.SIGPIPE
    except OSError as error:
        terminal.abandon()
        terminal.complain(f"the answer could not be printed: {error.strerror}")
        return 1
    except (Refused, database_url.BadDatabaseUrl) as error:
        terminal.complain(str(error))
        return 1
    except psycopg.Error as error:
        terminal.complain(database_url.first_line(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
