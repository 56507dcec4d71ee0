"""Retention: `python -m app.retain` deletes the records whose terms have ended, and erases people.

Without a command it prunes until it is told to stop (SIGTERM, Ctrl-C), beside the service. `python -m app.admin` sets
the terms, and places the legal holds that keep records from both. The login that prunes erases nobody, and the one that
erases prunes nothing.
"""

import argparse
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from app import command, job, terminal, user_id
from app.command import Refused, Row

_MILLISECONDS = 500
"""Of one call, after which those that wait for a lock of it get their turn."""
_SECONDS_BETWEEN_LOOKS = 60.0
"""When nothing is due. Terms are days: a record that goes a minute late harms nobody. A look reads all held records."""
_SECONDS_AFTER_FRUITLESS = 0.5
"""After a call that pruned nothing, is not done, and did not move on: others have the trees locked. It doubles."""
_MAX_FRUITLESS = 6
"""Calls in a row: half a minute of `--once`, a dozen seconds of statistics."""
_MAX_MOVES = 200
"""Calls in a row that only go over held records, some ten thousands each. After that many they count as fruitless: the
passes of several tenants that all hold more than a call reads would never come to an end together."""


class Pruning:
    """Prunes over one connection.

    records: pruned since the last report. faults: tenants left out, in words. is_done: whether the last call left
    nothing that is due. fruitless: how many calls in a row pruned nothing, were not done, and did not move on. moves:
    how many calls pruned nothing and moved on over held records, since the last that pruned or was done.
    """

    def __init__(self, connection: Connection[Row]) -> None:
        self._connection = connection
        self.records = 0
        self.faults = command.faults_of(connection)
        self.is_done = False
        self.fruitless = 0
        self.moves = 0

    def work(self) -> float:
        """Prune for half a second or so; return the seconds until the next call.

        After one that pruned or moved on, half as many as it took: what waited for its locks, and the sealing of what
        was written meanwhile, is done before the next call.
        """
        began = time.monotonic()
        (row,) = self._connection.execute(
            "SELECT pruned, is_done FROM audit.prune_records(p_milliseconds => %(milliseconds)s::int)",
            {"milliseconds": _MILLISECONDS},
        ).fetchall()
        self.records += row["pruned"]
        self.is_done = row["is_done"] is True
        if self.is_done or row["pruned"]:
            self.fruitless = self.moves = 0
        elif row["is_done"] is False and self.moves < _MAX_MOVES:
            self.fruitless = 0
            self.moves += 1
        else:
            self.fruitless += 1
        if self.is_done:
            return _SECONDS_BETWEEN_LOOKS
        if self.fruitless:
            return _SECONDS_AFTER_FRUITLESS * 2.0 ** min(self.fruitless - 1, 6)
        return (time.monotonic() - began) / 2

    def report(self) -> str:
        """Say how many records were pruned since the last report, in lines; "" when none was and no tenant left out."""
        lines = [f"{self.records} records pruned"]
        lines += [f"  left out: {fault}" for fault in self.faults]
        is_quiet = not self.records and not self.faults
        self.records = 0
        self.faults.clear()
        return "" if is_quiet else f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}  " + "\n".join(lines)


def _parser() -> terminal.Parser:
    parser = terminal.Parser(
        prog="python -m app.retain",
        description=__doc__,
        epilog="RETENTION_DATABASE_URL names the database, as a login that is a member of audit_retention; to erase,"
        " ERASER_DATABASE_URL, as a member of audit_eraser.",
    )
    parser.add_argument("--json", action="store_true", help="with --dry-run or a command: one JSON document")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--once", action="store_true", help="prune what is due, and end; status 1 if a tenant is left out"
    )
    ways.add_argument(
        "--dry-run", action="store_true", help="say what is due, how many, from when to when; delete nothing"
    )
    commands = parser.add_subparsers(dest="command")
    person = commands.add_parser(
        "erase-user",
        help="erase a person from a tenant's records",
        description="Erase user_id, error and context of a tenant's records whose user, or whose approver in the"
        " context, is this person. The user's id is read from standard input or a file; ps would show an argument.",
    )
    person.add_argument("tenant")
    person.add_argument(
        "--user-file", type=user_id.of_file, metavar="FILE", help="the user's id (default: standard input)"
    )
    record = commands.add_parser(
        "erase-record",
        help="erase user_id, error and context of one record",
        description="Erase user_id, error and context of one record. The record stays, and so do its proofs.",
    )
    record.add_argument("tenant")
    record.add_argument("id", type=UUID)
    for added in (person, record):
        added.add_argument(
            "--reference", required=True, help="the request, by which others find it; it stays, so name no person"
        )
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _connect() -> Connection[Row]:
    meaning = "the database, as a member of audit_retention"
    return command.connect("RETENTION_DATABASE_URL", meaning, "ringfence-retain")


def _connect_to_erase() -> Connection[Row]:
    meaning = "the database, as a member of audit_eraser"
    return command.connect("ERASER_DATABASE_URL", meaning, "ringfence-retain")


def _prune_once() -> int:
    with _connect() as connection:
        pruning = Pruning(connection)
        # What became due, or was released, behind a pass that an earlier run began is found by a second one.
        for _ in range(2):
            seconds = pruning.work()
            while not pruning.is_done and pruning.fruitless <= _MAX_FRUITLESS:
                time.sleep(seconds)
                seconds = pruning.work()
            if not (left := sum(row["due"] for row in _due(connection))):
                break
        status = 1 if left or pruning.faults else 0
        terminal.write(pruning.report() or "nothing to prune")
    if left:
        terminal.complain(
            f"{left} records are due and were not pruned: others had their tenants' trees locked, or they are left out,"
            " or very many held records come before them. Run it again."
        )
    return status


def _dry_run(*, as_json: bool) -> int:
    with _connect() as connection:
        rows = _due(connection)
    terminal.write(terminal.as_json(rows) if as_json else terminal.table(rows))
    return 0


def _due(connection: Connection[Row]) -> list[Row]:
    return connection.execute(
        "SELECT tenant_id, mode, due, first_created_at, last_created_at, held, unsealed FROM audit.count_due_records()"
    ).fetchall()


def _refresh_statistics(connection: Connection[Row]) -> bool:
    """Make the planner's statistics anew, which may hold what was erased; return whether no VACUUM was in the way."""
    for _ in range(_MAX_FRUITLESS):
        try:
            connection.execute("SELECT audit.refresh_statistics()")
        except LockNotAvailable:
            continue  # it has waited two seconds
        return True
    terminal.complain(
        "The planner's statistics may still hold what was erased: a VACUUM or an index build is under way. When it has"
        " ended, run the same again."
    )
    return False


def _erase_user(tenant: str, user: str, reference: str, *, as_json: bool) -> int:
    found = {"erased": 0, "held": 0, "unsealed": 0}
    with _connect_to_erase() as connection:
        position: Row = {"after_time": None, "after_id": None}
        while True:
            (row,) = connection.execute(
                "SELECT erased, held, unsealed, after_time, after_id FROM audit.erase_user(p_tenant_id => %(tenant)s,"
                " p_user_id => %(user)s, p_reference => %(reference)s, p_milliseconds => %(milliseconds)s::int,"
                " p_after_time => %(after_time)s::timestamptz, p_after_id => %(after_id)s::uuid)",
                {"tenant": tenant, "user": user, "reference": reference, "milliseconds": _MILLISECONDS, **position},
            ).fetchall()
            found = {name: count + row[name] for name, count in found.items()}
            position = {name: row[name] for name in position}
            if position["after_id"] is None:
                break
        is_clean = _refresh_statistics(connection)
    text = "{erased} records erased; {held} held, {unsealed} not sealed yet".format(**found)
    terminal.write(terminal.as_json([found]) if as_json else text)
    if found["held"]:
        terminal.complain("A legal hold keeps records of this person. Erase them when it is released.")
    if found["unsealed"]:
        terminal.complain("Records are erased once they are sealed, which takes seconds. Run the same again.")
    return 1 if found["held"] or found["unsealed"] or not is_clean else 0


def _erase_record(tenant: str, record_id: UUID, reference: str, *, as_json: bool) -> int:
    with _connect_to_erase() as connection:
        connection.execute(
            "SELECT audit.erase_record(p_tenant_id => %(tenant)s, p_id => %(id)s, p_reference => %(reference)s)",
            {"tenant": tenant, "id": record_id, "reference": reference},
        )
        is_clean = _refresh_statistics(connection)
    terminal.write("[]" if as_json else "erased")
    return 0 if is_clean else 1


def _execute(arguments: argparse.Namespace) -> int:
    if arguments.command and (arguments.once or arguments.dry_run):
        raise Refused("nothing was done: --once and --dry-run are about pruning, and erase nobody")
    if arguments.json and not arguments.command and not arguments.dry_run:
        raise Refused("nothing was done: --json is for --dry-run and for erasing")
    match arguments.command:
        case "erase-user":
            user = _given_user() if arguments.user_file is None else arguments.user_file
            return _erase_user(arguments.tenant, user, arguments.reference, as_json=arguments.json)
        case "erase-record":
            return _erase_record(arguments.tenant, arguments.id, arguments.reference, as_json=arguments.json)
    if arguments.dry_run:
        return _dry_run(as_json=arguments.json)
    return _prune_once() if arguments.once else job.run_until_stopped("pruning", _connect, Pruning)


def _given_user() -> str:
    try:
        return user_id.of_standard_input()
    except ValueError as error:
        raise Refused(f"standard input holds no user's id: {error}") from None


def main() -> int:
    """Run the command line; return the exit status."""
    return command.run(_parser(), _execute)


if __name__ == "__main__":
    sys.exit(main())
