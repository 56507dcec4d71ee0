"""What the commands on the database share: a connection, refusals in one line, and the exit status."""

import argparse
import signal
import sys
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import Diagnostic
from psycopg.rows import dict_row

from app import database_url, terminal

Row = dict[str, Any]

_NO_FAULT = ("00", "01")
"""Classes of SQLSTATE of ordinary notices and warnings. Any other is of a tenant that was left out."""


class Refused(Exception):
    """Nothing was done. Its text is one plain sentence."""


def connect(variable: str, meaning: str, name: str, *, autocommit: bool = True) -> Connection[Row]:
    """Connect to the database that `variable` names, as an application of this name. Raises Refused, BadDatabaseUrl.

    meaning: what the variable should name, for the message when it is not set.
    """
    url = database_url.from_environment(variable, meaning)
    connection = psycopg.connect(url, row_factory=dict_row, autocommit=autocommit, application_name=name)
    if found := database_url.encoding_fault(connection.info.parameter_status("server_encoding")):
        connection.close()
        raise Refused(f"{variable}: {found}")
    return connection


def faults_of(connection: Connection[Row]) -> dict[str, None]:
    """Return the faults that functions warn of on this connection, in words: none yet, and each when it is heard."""
    faults: dict[str, None] = {}

    def hear(notice: Diagnostic) -> None:
        if notice.sqlstate and not notice.sqlstate.startswith(_NO_FAULT):
            faults[f"{notice.message_primary} ({notice.sqlstate})"] = None

    connection.add_notice_handler(hear)
    return faults


def run(parser: argparse.ArgumentParser, execute: Callable[[argparse.Namespace], int]) -> int:
    """Execute the command line; return the exit status: that of `execute`, 1 with the reason in one line, or SIGPIPE's.

    A command line that is refused ends with status 2.
    """
    terminal.escape_unencodable()
    try:
        try:
            arguments = parser.parse_args()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # of --help
        return execute(arguments)
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
