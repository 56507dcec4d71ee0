"""Import history: `python -m app.import_jsonl FILE...` reads JSONL audit files and reports what is in them.

With --apply it stores their records, with their own times. DATABASE_URL names the database as audit_app;
ADMIN_DATABASE_URL as a member of audit_admin, which issues a key with the scope import for each tenant and revokes it
at the end. It can be run again after any failure: no record is stored twice. Exit status: 0 when every record was
taken, 1 when some were not, 2 when it could not run, or not to the end.
"""

import argparse
import json
import os
import signal
import sqlite3
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from tqdm import tqdm

from app import terminal
from app.database_url import BadDatabaseUrl, first_line
from app.import_jsonl.files import FileRefused, Rejects, examine, lines_of
from app.import_jsonl.ids import HistoryIds
from app.import_jsonl.lines import NotTaken, read_line
from app.import_jsonl.report import Report
from app.import_jsonl.store import ImportStopped, Keys, Outcome, Record, Session, service_session, store

_PROGRAM = "python -m app.import_jsonl"
_MAX_CHUNK_RECORDS = 2_000
_MAX_BYTES_HELD = 16_777_216


_Chunk = list[tuple[str, bytes, Record]]
"""The place and the text of each line, and its record."""


class _Importer:
    """Reads lines into chunks of one tenant's records, and stores one chunk while it reads the next.

    keys: None where no database is asked for tenants. session: None where nothing is stored.
    """

    def __init__(
        self, arguments: argparse.Namespace, report: Report, keys: Keys | None, session: Session | None
    ) -> None:
        self._arguments, self._report, self._keys, self._session = arguments, report, keys, session
        self._tenants = keys.tenants() if keys else None
        self._ids = HistoryIds()
        self._chunks: dict[str, _Chunk] = {}
        self._thread = ThreadPoolExecutor(1)
        self._stored: tuple[str, _Chunk, Future[Outcome]] | None = None
        self._bytes_held = 0

    def take(self, place: str, text: bytes) -> None:
        """Read one line. Raises ImportStopped, psycopg.Error and sqlite3.Error."""
        self._report.lines += 1
        try:
            line = read_line(text, self._arguments.assume_zone)
            if line is None:
                self._report.blank += 1
                return
            self._register(line.tenant)
        except NotTaken as refusal:
            self._report.refuse(place, str(refusal), text)
            return
        self._report.repaired.update(line.repaired)
        self._report.unknown.update(name[:64] for name in line.unknown)
        if self._session is None:
            self._report.taken[line.tenant] += 1
            return
        if "id" not in line.record:
            line.record["id"] = self._ids.id_of(line.tenant, line.record)
        chunk = self._chunks.setdefault(line.tenant, [])
        chunk.append((place, text, line.record))
        self._bytes_held += len(text)
        if len(chunk) >= _MAX_CHUNK_RECORDS:
            self._store_chunk(line.tenant)
        elif self._bytes_held >= _MAX_BYTES_HELD:
            self.finish()

    def finish(self) -> None:
        """Store what is left. Raises ImportStopped and psycopg.Error."""
        for tenant in list(self._chunks):
            self._store_chunk(tenant)
        self._bytes_held = 0
        self._report_stored()

    def close(self) -> None:
        """Wait for what is being stored, and report it if it was."""
        self._thread.shutdown()
        if self._stored and not self._stored[2].exception():
            self._report_stored()
        self._ids.close()

    def _register(self, tenant: str) -> None:
        if self._tenants is None or tenant in self._tenants:
            return
        if not self._arguments.create_tenants:
            raise NotTaken("tenant_id: the tenant is not registered (--create-tenants registers it)")
        if self._keys and self._session:
            self._keys.create_tenant(tenant)
        self._tenants.add(tenant)
        self._report.created.append(tenant)

    def _store_chunk(self, tenant: str) -> None:
        assert self._keys
        assert self._session
        self._report_stored()
        chunk, key = self._chunks.pop(tenant), self._keys.key_of(tenant)
        records = [record for _, _, record in chunk]
        self._stored = tenant, chunk, self._thread.submit(store, self._session, key, records)

    def _report_stored(self) -> None:
        if self._stored is None:
            return
        tenant, chunk, future = self._stored
        outcome = future.result()
        self._stored = None
        self._report.taken[tenant] += len(chunk) - len(outcome.refused)
        self._report.stored[tenant] += outcome.stored
        for position, why in outcome.refused:
            place, text, _ = chunk[position]
            self._report.refuse(place, why, text)


def _run(arguments: argparse.Namespace, report: Report) -> None:
    size = examine(arguments.files)
    with ExitStack() as stack:
        keys = session = None
        if arguments.rejects:
            report.rejects = stack.enter_context(closing(Rejects(arguments.rejects, arguments.files)))
        if arguments.apply or os.environ.get("ADMIN_DATABASE_URL"):
            keys = Keys()
            stack.callback(lambda: report.keys_left.extend(keys.close()))
        if arguments.apply:
            session = stack.enter_context(closing(service_session()))
        importer = stack.enter_context(closing(_Importer(arguments, report, keys, session)))
        bar = stack.enter_context(tqdm(total=size, unit="B", unit_scale=True, disable=None))
        for path in arguments.files:
            for number, text in enumerate(lines_of(path), 1):
                importer.take(f"{path}:{number}", text)
                bar.update(len(text))
                _stop_without_rejects(report)
        importer.finish()
        _stop_without_rejects(report)


def _stop_without_rejects(report: Report) -> None:
    if report.rejects and report.rejects.fault:
        raise report.rejects.fault


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"no time zone is named {name}; Europe/Berlin is, for one") from None


def _parser() -> argparse.ArgumentParser:
    parser = terminal.Parser(prog=_PROGRAM, description=(__doc__ or "").split("\n\n", 1)[0])
    option = parser.add_argument
    option("files", nargs="+", type=Path, metavar="FILE")
    option("--apply", action="store_true", help="store the records; without it, only report what would be done")
    option("--create-tenants", action="store_true", help="register tenants that are missing")
    option("--assume-zone", type=_zone, metavar="ZONE", help="the zone of times that name none, for example UTC")
    option("--rejects", type=Path, metavar="PATH", help="write the lines that are not taken to this new file")
    option("--json", action="store_true", help="one JSON document instead of a report for people")
    return parser


def _complain(text: str) -> None:
    terminal.complain(f"{_PROGRAM}: {text}")


def _reason(error: Exception | KeyboardInterrupt) -> str:
    match error:
        case KeyboardInterrupt():
            return "interrupted"
        case psycopg.Error():
            return first_line(error)
        case sqlite3.Error():
            return f"the temporary file of ids: {error}"
        case OSError():
            return f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}"
    return str(error)


def main() -> int:
    """Run the command line; return the exit status."""
    terminal.escape_unencodable()
    arguments = _parser().parse_intermixed_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)  # so that the keys are revoked
    report = Report(applied=arguments.apply)
    stopped: str | None = None
    try:
        _run(arguments, report)
    except (
        KeyboardInterrupt, BadDatabaseUrl, ImportStopped, FileRefused, psycopg.Error, sqlite3.Error, OSError,
    ) as error:  # fmt: skip
        stopped = _reason(error)
    if stopped is not None and not report.lines:
        _complain(stopped)
        return 2
    is_lost = False
    try:
        # In ASCII, but for one character that a terminal acts on.
        terminal.write(json.dumps(report.as_json()).replace("\x7f", "\\u007f") if arguments.json else str(report))
    except OSError as error:
        _complain(f"the report could not be printed: {error.strerror}; in short: {report.summary()}")
        # A reader that stops reading, as `head` does, has seen enough; a report lost to a full disk is needed again.
        is_lost = not isinstance(error, BrokenPipeError)
    if stopped is not None:
        _complain(f"stopped: {stopped}; run it again, what is stored is not stored twice")
    if stopped is not None or report.keys_left or is_lost:
        return 2
    return 1 if report.refused else 0


if __name__ == "__main__":
    sys.exit(main())
