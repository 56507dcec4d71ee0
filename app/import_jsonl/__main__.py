"""Bring history along: `python -m app.import_jsonl FILE...` reads JSONL audit files and says what is in them.

With --apply it stores their records, with their own times. DATABASE_URL names the database as audit_app;
ADMIN_DATABASE_URL as a member of audit_admin, which issues a key with the scope import for each tenant and revokes it
at the end. Whatever ends it, it can be run again: what is stored is not stored twice. Exit status: 0 when every record
was taken, 1 when some were not, 2 when it could not run, or not to the end.
"""

import argparse
import io
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from tqdm import tqdm

from app.import_jsonl.files import FileRefused, Rejects, examine, lines_of
from app.import_jsonl.ids import HistoryIds
from app.import_jsonl.lines import HistoryLine, NotTaken, read_line
from app.import_jsonl.report import Report
from app.import_jsonl.store import HistoryStore, ImportStopped, Keys, Outcome, first_line
from app.terminal_text import printable

_MOST_RECORDS = 2_000
_MOST_BYTES = 2_097_152
_CONNECTIONS = 2


@dataclass
class _Chunk:
    """Records of one tenant, each with the place of its line and the line."""

    records: list[dict[str, Any]] = field(default_factory=list)
    places: list[tuple[str, bytes]] = field(default_factory=list)
    bytes: int = 0


class _Importer:
    """Reads lines, and stores what is in them while it reads on. keys: None where nothing is stored or looked up."""

    def __init__(self, report: Report, zone: tzinfo | None, keys: Keys | None, *, create_tenants: bool) -> None:
        self._report = report
        self._zone = zone
        self._keys = keys
        self._create_tenants = create_tenants
        self._tenants = keys.tenants() if keys else None
        self._ids = HistoryIds()
        self._chunks: dict[str, _Chunk] = {}
        self._free: SimpleQueue[HistoryStore] = SimpleQueue()
        self._threads = ThreadPoolExecutor(_CONNECTIONS)
        self._stored: list[tuple[str, _Chunk, Future[Outcome]]] = []

    def add_connection(self, store: HistoryStore) -> None:
        """Let one more connection store."""
        self._free.put(store)

    def take(self, place: str, text: bytes) -> None:
        """Read one line. Raises ImportStopped, FileRefused, psycopg.Error and sqlite3.Error."""
        self._report.lines += 1
        try:
            line = read_line(text, self._zone)
            if line is None:
                self._report.blank += 1
                return
            self._refuse_unregistered(line.tenant)
        except NotTaken as refusal:
            self._report.refuse(place, str(refusal), text)
            return
        self._report.repaired.update(line.repaired)
        self._report.unknown.update(name[:64] for name in line.unknown)
        if not self._report.applied:
            self._report.taken[line.tenant] += 1
            return
        self._append(place, text, line)

    def finish(self) -> None:
        """Store what is left, and wait for all of it."""
        for tenant in list(self._chunks):
            self._hand_over(tenant)
        self._settle(0)

    def close(self) -> None:
        """Stop storing, note what was stored all the same, and close the connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._stored = [each for each in self._stored if not each[2].cancelled() and each[2].exception() is None]
        while self._stored:
            with suppress(FileRefused):  # the import has stopped already
                self._settle(0)
        while not self._free.empty():
            self._free.get().close()
        self._ids.close()

    def _refuse_unregistered(self, tenant: str) -> None:
        if self._tenants is None or tenant in self._tenants:
            return
        if not self._create_tenants:
            raise NotTaken("tenant_id: the tenant is not registered (--create-tenants registers it)")
        if self._report.applied:
            assert self._keys
            self._keys.create_tenant(tenant)
        self._tenants.add(tenant)
        self._report.created.append(tenant)

    def _append(self, place: str, text: bytes, line: HistoryLine) -> None:
        line.record.setdefault("id", None)
        if line.record["id"] is None:
            del line.record["id"]
            line.record["id"] = self._ids.id_of(line.tenant, line.record)
        chunk = self._chunks.setdefault(line.tenant, _Chunk())
        chunk.records.append(line.record)
        chunk.places.append((place, text))
        chunk.bytes += len(text)
        if len(chunk.records) >= _MOST_RECORDS or chunk.bytes >= _MOST_BYTES:
            self._hand_over(line.tenant)

    def _hand_over(self, tenant: str) -> None:
        assert self._keys
        chunk = self._chunks.pop(tenant)
        future = self._threads.submit(self._store, self._keys.key_of(tenant), chunk.records)
        self._stored.append((tenant, chunk, future))
        self._settle(2 * _CONNECTIONS)

    def _store(self, key: str, records: Sequence[dict[str, Any]]) -> Outcome:
        store = self._free.get()
        try:
            return store.store(key, records)
        finally:
            self._free.put(store)

    def _settle(self, most: int) -> None:
        """Wait until at most so many chunks are on their way; note what became of the others."""
        while len(self._stored) > most:
            tenant, chunk, future = self._stored[0]
            outcome = future.result()
            del self._stored[0]
            self._report.taken[tenant] += len(chunk.records) - len(outcome.refused)
            self._report.stored[tenant] += outcome.stored
            failure = None
            for at, why in outcome.refused:
                try:
                    self._report.refuse(chunk.places[at][0], why, chunk.places[at][1])
                except FileRefused as error:
                    failure = error
            if failure:
                raise failure


def _run(arguments: argparse.Namespace, report: Report) -> None:
    size = examine(arguments.files)
    with ExitStack() as stack:
        if arguments.rejects:
            report.rejects = Rejects(arguments.rejects, arguments.files)
            stack.callback(report.rejects.close)
        keys = None
        if arguments.apply or os.environ.get("ADMIN_DATABASE_URL"):
            keys = Keys()
            stack.callback(lambda: report.keys_left.extend(keys.close()))
        importer = _Importer(report, arguments.assume_zone, keys, create_tenants=arguments.create_tenants)
        stack.callback(importer.close)
        if arguments.apply:
            for _ in range(_CONNECTIONS):
                importer.add_connection(HistoryStore())
        bar = stack.enter_context(tqdm(total=size, unit="B", unit_scale=True, disable=None))
        for path in arguments.files:
            for number, text in enumerate(lines_of(path), 1):
                importer.take(f"{path}:{number}", text)
                bar.update(len(text))
        importer.finish()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse the command line in one line."""
        _say(f"{message} (--help says more)")
        sys.exit(2)


def _zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"no time zone is named {name}; Europe/Berlin is, for one") from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m app.import_jsonl", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--apply", action="store_true", help="store the records; without it, only say what would be done"
    )
    parser.add_argument("--create-tenants", action="store_true", help="register tenants that are missing")
    parser.add_argument("--assume-zone", type=_zone_of, metavar="ZONE", help="of times that name none, UTC for one")
    parser.add_argument(
        "--rejects", type=Path, metavar="PATH", help="write the lines that are not taken to this new file"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a report for people")
    return parser


def _say(text: str) -> None:
    with suppress(OSError):  # where nobody can be told, the exit status still tells
        print(f"python -m app.import_jsonl: {printable(text)}", file=sys.stderr, flush=True)


def _stopped_by(error: Exception | KeyboardInterrupt) -> str:
    match error:
        case KeyboardInterrupt():
            return "interrupted"
        case psycopg.Error():
            return first_line(error)
        case sqlite3.Error():
            return f"the temporary file of what was read: {error}"
        case OSError():
            return f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}"
    return str(error)


def _print(text: str) -> OSError | None:
    """Print the report; return why it could not be, if so."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer would be tried once more at the end, and change the exit status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None


def main() -> int:
    """Run the command line; return the exit status."""
    arguments = _parser().parse_intermixed_args()
    report = Report(applied=arguments.apply)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)  # so that the keys are revoked
    stopped: str | None = None
    try:
        _run(arguments, report)
    except (KeyboardInterrupt, ImportStopped, FileRefused, psycopg.Error, sqlite3.Error, OSError) as error:
        stopped = _stopped_by(error)
    if stopped is not None and not report.lines:
        _say(stopped)
        return 2
    # In ASCII, but for one character that a terminal acts on.
    text = json.dumps(report.as_json()).replace("\x7f", "\\u007f") if arguments.json else str(report)
    if (unprinted := _print(text)) is not None:
        _say(f"the report could not be printed: {unprinted.strerror}; in short: {report.summary()}")
    if stopped is not None:
        _say(f"stopped: {stopped}; run it again, what is stored is not stored twice")
    # Who stops reading, as `head` does, has seen enough; a report that is lost to a full disk is asked for again.
    is_lost = unprinted is not None and not isinstance(unprinted, BrokenPipeError)
    if stopped is not None or report.keys_left or is_lost:
        return 2
    return 1 if report.refused else 0


if __name__ == "__main__":
    sys.exit(main())
