"""Administration: `python -m app.admin`, over the functions that the role audit_admin may call.

The database is named by ADMIN_DATABASE_URL, as a login that is a member of audit_admin: whoever logs in is who
audit.admin_events will name. A key is printed when it is issued, and can never be shown again.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from app import database_url

Row = dict[str, Any]
_DURATION = re.compile(r"(\d{1,5})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(text: str) -> timedelta:
    if not (match := _DURATION.fullmatch(text)):
        raise argparse.ArgumentTypeError("a number and s, m, h or d, for example 24h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.admin", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    commands = parser.add_subparsers(dest="command", required=True)

    create = commands.add_parser("create-tenant", help="register a tenant")
    create.add_argument("tenant")
    create.add_argument("--name", help="for people")
    commands.add_parser("list-tenants", help="list the tenants")

    issue = commands.add_parser("issue-key", help="issue an API key, and show it once")
    issue.add_argument("tenant")
    issue.add_argument("--label", required=True, help="where the key will be used")
    issue.add_argument("--scopes", default="read,write", help="of read, write and import (default: read,write)")
    issue.add_argument("--expires-in", type=_duration, metavar="DURATION", help="for example 90d (default: never)")
    listing = commands.add_parser("list-keys", help="list the API keys, without their secrets")
    listing.add_argument("--tenant")
    rotate = commands.add_parser("rotate-key", help="replace a key; both are valid for a while")
    rotate.add_argument("id", help="the public part, between the two underscores")
    rotate.add_argument(
        "--overlap", type=_duration, default=timedelta(hours=24), metavar="DURATION", help="default: 24h"
    )
    revoke = commands.add_parser("revoke-key", help="end a key for good")
    revoke.add_argument("id")
    commands.add_parser("rotate-secret", help="replace the secret that proofs are made with, without an outage")
    return parser


def run(connection: psycopg.Connection[Row], arguments: argparse.Namespace) -> list[Row]:
    """Execute one command and return its rows. Raises psycopg.Error when the database refuses: nothing was done."""

    def call(statement: LiteralString, **parameters: Any) -> list[Row]:
        return connection.execute(statement, parameters).fetchall()

    expires_at = datetime.now(UTC) + arguments.expires_in if getattr(arguments, "expires_in", None) else None
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
            expires_at=expires_at,
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
    }
    return commands[arguments.command]()


def table(rows: Sequence[Row]) -> str:
    """Lay `rows` out in columns, for people."""
    if not rows:
        return "none"
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    text = ",".join(value) if isinstance(value, list) else str(value)
    # A label is anybody's text: no line of its own, and nothing that a terminal obeys.
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _json(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def main() -> int:
    """Run the command line; return the exit status: 0, or 1 with the reason in one line."""
    arguments = _parser().parse_args()
    try:
        url = database_url.from_environment("ADMIN_DATABASE_URL", "the database, as a member of audit_admin")
        with psycopg.connect(url, row_factory=dict_row) as connection:
            if found := database_url.encoding_fault(connection.info.parameter_status("server_encoding")):
                raise database_url.BadDatabaseUrl(f"ADMIN_DATABASE_URL: {found}")
            rows = run(connection, arguments)
    except database_url.BadDatabaseUrl as error:
        print(error, file=sys.stderr)
        return 1
    except psycopg.Error as error:
        print((error.diag.message_primary or str(error)).strip().splitlines()[0], file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(rows, default=_json))
    elif arguments.command in ("issue-key", "rotate-key"):
        print(rows[0]["api_key"])
        print("Keep it now: it is not shown again.", file=sys.stderr)
    elif arguments.command == "revoke-key":
        print("revoked")
    else:
        print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
