"""Bring history along: `python -m app.import_jsonl FILE...` reads JSONL audit files and says what is in them.

With --apply it stores their records, with their own times. DATABASE_URL names the database as audit_app;
ADMIN_DATABASE_URL as a member of audit_admin, which issues a key with the scope import for each tenant and revokes it
at the end. Whatever ends it, it can be run again: what is stored is not stored twice. Exit status: 0 when every record
was taken, 1 when some were not, 2 when it could not run, or not to the end.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import psycopg
from tqdm import tqdm

from app import database_url
from app.history_ids import HistoryIds
from app.history_lines import MOST_LINE_BYTES, HistoryLine, NotTaken, read_line
from app.history_report import Report
from app.history_store import HistoryStore, ImportStopped, Keys, Refusal

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
        self._stored: list[tuple[str, _Chunk, Future[list[Refusal]]]] = []

    def add_connection(self, store: HistoryStore) -> None:
        """Let one more connection store."""
        self._free.put(store)

    def take(self, place: str, text: bytes) -> None:
        """Read one line. Raises ImportStopped, psycopg.Error and OSError."""
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
        """Stop storing, and close the connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
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

    def _store(self, key: str, records: Sequence[dict[str, Any]]) -> list[Refusal]:
        store = self._free.get()
        try:
            return store.store(key, records)
        finally:
            self._free.put(store)

    def _settle(self, most: int) -> None:
        """Wait until at most so many chunks are on their way; note what became of the others."""
        while len(self._stored) > most:
            tenant, chunk, future = self._stored.pop(0)
            refused = future.result()
            self._report.taken[tenant] += len(chunk.records) - len(refused)
            for at, why in refused:
                self._report.refuse(chunk.places[at][0], why, chunk.places[at][1])


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines; of one that is too long, enough to see that."""
    while text := file.readline(MOST_LINE_BYTES + 2):
        yield text
        while len(text) == MOST_LINE_BYTES + 2 and not text.endswith(b"\n"):
            text = file.readline(MOST_LINE_BYTES + 2)


def _read(files: Sequence[Path], importer: _Importer) -> None:
    size = sum(file.stat().st_size for file in files)
    with tqdm(total=size, unit="B", unit_scale=True, disable=None) as bar:
        for file in files:
            with file.open("rb") as lines:
                for number, text in enumerate(_lines(lines), 1):
                    importer.take(f"{file}:{number}", text)
                    bar.update(len(text))
    importer.finish()


@contextmanager
def _administration(*, needed: bool) -> Iterator[Keys | None]:
    if not needed and not os.environ.get("ADMIN_DATABASE_URL"):
        yield None
        return
    url = database_url.from_environment("ADMIN_DATABASE_URL", "the database, as a member of audit_admin")
    with psycopg.connect(url, autocommit=True) as administrator:
        if found := database_url.encoding_fault(administrator.info.parameter_status("server_encoding")):
            raise ImportStopped(f"ADMIN_DATABASE_URL: {found}")
        keys = Keys(administrator)
        try:
            yield keys
        finally:
            keys.revoke()


def _run(arguments: argparse.Namespace, report: Report) -> None:
    with ExitStack() as stack:
        keys = stack.enter_context(_administration(needed=arguments.apply))
        importer = _Importer(report, arguments.assume_zone, keys, create_tenants=arguments.create_tenants)
        stack.callback(importer.close)
        if arguments.apply:
            url = database_url.from_environment("DATABASE_URL", "the database, as audit_app")
            for _ in range(_CONNECTIONS):
                store = HistoryStore(url)
                store.connect()
                importer.add_connection(store)
        _read(arguments.files, importer)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.import_jsonl", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--apply", action="store_true", help="store the records; without it, only say what would be done"
    )
    parser.add_argument("--create-tenants", action="store_true", help="register tenants that are missing")
    parser.add_argument("--assume-zone", type=ZoneInfo, metavar="ZONE", help="of times that name none, UTC for one")
    parser.add_argument("--rejects", type=Path, metavar="PATH", help="write the lines that are not taken to this file")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a report for people")
    return parser


def main() -> int:
    """Run the command line; return the exit status."""
    arguments = _parser().parse_args()
    report = Report(applied=arguments.apply, rejects=arguments.rejects)
    # So that the keys are revoked.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stopped: str | None = None
    try:
        _run(arguments, report)
    except KeyboardInterrupt:
        stopped = "interrupted"
    except (ImportStopped, database_url.BadDatabaseUrl) as reason:
        stopped = str(reason)
    except psycopg.Error as error:
        stopped = (error.diag.message_primary or str(error)).strip().splitlines()[0]
    except OSError as error:
        stopped = f"{error.filename}: {error.strerror}"
    print(json.dumps(report.as_json()) if arguments.json else report)
    if stopped is not None:
        print(f"stopped: {stopped}; run it again, what is stored is not stored twice", file=sys.stderr)
        return 2
    return 1 if report.refused else 0


if __name__ == "__main__":
    sys.exit(main())
