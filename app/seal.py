"""Sealing without the service: `python -m app.seal`, and a new epoch after a restore or a failover.

Without a command it seals until it is told to stop (SIGTERM, Ctrl-C), beside the service or in its place. Every half
minute it says how many records that were, how far sealing is behind, and which transactions hold it up.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import Connection, IsolationLevel

from app import command, database_url, job, terminal
from app.command import Refused, Row

_SECONDS_BETWEEN_CALLS = 0.5
_QUIET_SECONDS = 5.0
"""By which sealing may be behind unreported: records wait for others' transactions all the time."""


class Sealing:
    """Seals over one connection. records: sealed since the last report. faults: trees that are left out, in words."""

    def __init__(self, connection: Connection[Row]) -> None:
        self._connection = connection
        self.records = 0
        self.faults = command.faults_of(connection)

    def work(self) -> float:
        """Seal for half a second at most; return the seconds until the next call."""
        return 0.0 if self.seal() else _SECONDS_BETWEEN_CALLS

    def seal(self) -> int:
        """Seal for half a second at most; return the number of records."""
        (row,) = self._connection.execute("SELECT audit.seal_records() AS records").fetchall()
        if row["records"] is None:
            raise Refused("this login is told no counts: connect as a member of audit_sealer")
        self.records += row["records"]
        return int(row["records"])

    def report(self, *, quiet_seconds: float = _QUIET_SECONDS) -> str:
        """Say how many records were sealed since the last report, and what is behind, in lines; "" when nothing is.

        quiet_seconds: by which sealing may be behind. It takes the database about a second where it has 10,000 tenants.
        """
        (lag,) = self._connection.execute("SELECT seconds, held_back_by FROM audit.sealing_lag()").fetchall()
        lines = [f"{self.records} records sealed; {lag['seconds']:.1f} seconds behind"]
        lines += [f"  held up by {_holder(each)}" for each in lag["held_back_by"]]
        lines += [f"  left out: {fault}" for fault in self.faults]
        is_quiet = not self.records and not self.faults and lag["seconds"] <= quiet_seconds
        self.records = 0
        self.faults.clear()
        return "" if is_quiet else f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}  " + "\n".join(lines)


def _holder(found: Row) -> str:
    where = f"role {found['role']} in database {found['database']}"
    if found["gid"] is not None:
        return f"prepared transaction {found['gid']!r}, {where}, since {found['since']}"
    return f"{found['kind']} of pid {found['pid']}, {where}"


def _parser() -> argparse.ArgumentParser:
    parser = terminal.Parser(
        prog="python -m app.seal",
        description=__doc__,
        epilog="SEALER_DATABASE_URL names the database, as a login that is a member of audit_sealer; for begin-epoch"
        " ADMIN_DATABASE_URL does, as a member of audit_admin.",
    )
    parser.add_argument("--once", action="store_true", help="seal what is due, and end; status 1 if a tree is left out")
    commands = parser.add_subparsers(dest="command")
    begin = commands.add_parser("begin-epoch", help="begin a new tree for every tenant, linked to the one before")
    begin.add_argument("--reason", required=True, choices=("restore", "failover"), help="why leaves may be missing")
    known = begin.add_mutually_exclusive_group(required=True)
    known.add_argument("--known", type=Path, metavar="FILE", help="what `python -m app.sign known` has printed")
    known.add_argument("--nothing-known", action="store_true", help="the signer's memory is lost; no loss is told")
    return parser


def _connect(variable: str, meaning: str) -> Connection[Row]:
    return command.connect(variable, meaning, "ringfence-seal")


def _connect_sealer() -> Connection[Row]:
    return _connect("SEALER_DATABASE_URL", "the database, as a member of audit_sealer")


def _seal_once() -> int:
    with _connect_sealer() as connection:
        sealing = Sealing(connection)
        while sealing.seal():
            pass
        status = 1 if sealing.faults else 0
        terminal.write(sealing.report(quiet_seconds=0.0) or "nothing to seal")
    return status


def _begin_epoch(reason: str, known: Path | None) -> int:
    heads = _read_known(known) if known else None
    with _connect("ADMIN_DATABASE_URL", "the database, as a member of audit_admin") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ  # one snapshot for every tenant
        try:
            with connection.transaction():
                rows = connection.execute(
                    "SELECT tenant_id, epoch, previous_epoch, previous_size, known_size"
                    " FROM audit.begin_epoch(p_reason => %(reason)s, p_known => %(known)s::json)",
                    {"reason": reason, "known": heads},
                ).fetchall()
        except psycopg.Error as error:
            hint = f"; {error.diag.message_hint}" if error.diag.message_hint else ""
            raise Refused(f"{database_url.first_line(error)}{hint}") from error
    terminal.write(_losses(rows, is_known=heads is not None))
    return 0


def _read_known(file: Path) -> str:
    try:
        text = file.read_text()
        if not isinstance(json.loads(text), list):
            raise ValueError
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{file}: not a JSON array, as `python -m app.sign known` prints it") from error
    return text


def _losses(rows: list[Row], *, is_known: bool) -> str:
    """Return what audit.begin_epoch() did, as text: for how many tenants, and what of which was lost."""
    lines = [f"a new epoch has begun for {sum(row['epoch'] is not None for row in rows)} tenants"]
    if not is_known:
        return f"{lines[0]}; nothing was known of what was signed, so no loss can be told"
    for row in rows:
        tenant, epoch, before = row["tenant_id"], row["epoch"], row["previous_epoch"]
        if epoch is None:
            lines.append(f"  {tenant}: the tenant is lost, with {row['known_size']} leaves of epoch {before}")
            continue
        if (lost := (row["known_size"] or 0) - row["previous_size"]) > 0:
            lines.append(
                f"  {tenant}: {lost} leaves are lost, of {row['known_size']} that were signed in epoch {before}"
            )
        if epoch > before + 1:
            lines.append(f"  {tenant}: all leaves after epoch {before} are lost, to epoch {epoch - 1}")
    if len(lines) == 1:
        lines.append("  nothing that was signed is lost")
    return "\n".join(lines)


def _execute(arguments: argparse.Namespace) -> int:
    if arguments.command == "begin-epoch":
        return _begin_epoch(arguments.reason, arguments.known)
    return _seal_once() if arguments.once else job.run_until_stopped("sealing", _connect_sealer, Sealing)


def main() -> int:
    """Run the command line; return the exit status."""
    return command.run(_parser(), _execute)


if __name__ == "__main__":
    sys.exit(main())
