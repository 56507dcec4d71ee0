"""Administration: `python -m app.admin`, over the functions that the role audit_admin may call.

ADMIN_DATABASE_URL names the database, as a login that is a member of audit_admin: audit.admin_events names that login.
A key or view link is printed when it is issued, and can never be shown again.
"""

import argparse
import sys

import psycopg

from app import command, database_url, terminal
from app.admin import keys, retention, view_links
from app.admin.commands import Answer, Commands
from app.command import Refused, Row


def _parser() -> argparse.ArgumentParser:
    parser = terminal.Parser(prog="python -m app.admin", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    commands = Commands(parser)
    keys.add_to(commands)
    view_links.add_to(commands)
    retention.add_to(commands)
    return parser


def _execute(arguments: argparse.Namespace) -> int:
    """Run the command and print its answer. Raises Refused, psycopg.Error or, where the answer is lost, OSError."""
    meaning = "the database, as a member of audit_admin"
    with command.connect("ADMIN_DATABASE_URL", meaning, "ringfence-admin", autocommit=False) as connection:
        answer = _answer(connection, arguments)
        if what := arguments.shown_once:
            try:
                terminal.write(answer.text)  # before COMMIT: a key that could not be shown must not exist
            except OSError as error:
                raise Refused(f"no {what} was issued, since it could not be printed: {error.strerror}") from error
            try:
                connection.commit()
            except psycopg.Error as error:
                listing, why = f"list-{what.replace(' ', '-')}s", database_url.first_line(error)
                raise Refused(f"the {what} above may not be valid; see {listing}: {why}") from error
    if not arguments.shown_once:
        terminal.write(answer.text)
    if answer.hint:
        terminal.complain(answer.hint)
    return answer.status


def _answer(connection: psycopg.Connection[Row], arguments: argparse.Namespace) -> Answer:
    try:
        if arguments.prepare:
            arguments.prepare(connection, arguments)
        rows = connection.execute(arguments.statement, vars(arguments)).fetchall()
    except psycopg.Error as error:
        raise Refused(_reason(connection, error)) from error
    except UnicodeEncodeError as error:
        raise Refused("an argument is not valid Unicode") from error
    found: Answer = arguments.say_json(rows) if arguments.json else arguments.say(rows)
    return found


def _reason(connection: psycopg.Connection[Row], error: psycopg.Error) -> str:
    """Say why the database refuses: in its own words, or those of the rule that was broken."""
    if isinstance(error, psycopg.errors.CheckViolation | psycopg.errors.ForeignKeyViolation):
        connection.rollback()
        (found,) = connection.execute(
            "SELECT audit.rule_in_words(p_constraint => %(name)s) AS rule", {"name": error.diag.constraint_name}
        ).fetchall()
        if found["rule"] is not None:
            return str(found["rule"])
    return database_url.first_line(error)


def main() -> int:
    """Run the command line; return the exit status."""
    return command.run(_parser(), _execute)


if __name__ == "__main__":
    sys.exit(main())
