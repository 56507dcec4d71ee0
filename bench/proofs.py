"""What proofs and evidence bundles cost in the database: `python -m bench.proofs`.

Proofs are of a tree of ten million leaves, by name and by key; a bundle is of records that audit.seal_records() has
sealed, read part by part over COPY as the service does. On the server that BENCH_SERVER names, or the wheel's. Beside
the time stands the processor's, of the server's backend alone: it is the same on a machine that others use too.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from app.local.server import PrivateServer, wheel_binaries
from bench.laboratory import SCRIPTS, SERVER_SETTINGS, Laboratory
from bench.serving import processor_seconds

UNSIGNED = 1000
RECORD_EVERY = 9973  # as bench/sql/proofs_tree.sql
PROOFS = 1000


def main() -> None:
    """Make the database, measure, and print one line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=10_000_000, help="of the tree that is proven")
    parser.add_argument("--records", type=int, default=2_000_000, help="a tenth is in the bundle that is read")
    arguments = parser.parse_args()
    binaries = Path(os.environ.get("BENCH_SERVER") or wheel_binaries())
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        Path(folder).chmod(0o755)
        server = PrivateServer(binaries, Path(folder) / "server")
        try:
            server.start(*SERVER_SETTINGS)
            laboratory = Laboratory(server, "proofs", arguments.records)
            fill(laboratory, arguments.leaves)
            proofs(laboratory, arguments.leaves)
            bundles(laboratory)
        finally:
            server.remove()


def fill(laboratory: Laboratory, leaves: int) -> None:
    """Seal the records, make the tree of `leaves` leaves, and store a checkpoint of each."""
    with laboratory.superuser() as connection:
        started, sealed = time.monotonic(), 0
        while count := connection.execute("SELECT audit.seal_records(p_milliseconds => 10000)").fetchall()[0][0]:
            sealed += count
        print(f"sealed {sealed:,} records, {sealed / (time.monotonic() - started):,.0f} a second")
        connection.execute("SELECT set_config('bench.leaves', %s, false)", [str(leaves)])
        for script in ("proofs_tree.sql", "proofs_signed.sql"):
            connection.execute((SCRIPTS / script).read_bytes())


def proofs(laboratory: Laboratory, leaves: int) -> None:
    """Time proofs of random records and sizes, and count the bytes of one."""

    # Far apart, one after the other, and the same in every run.
    def record(number: int) -> list[Any]:
        return [number * 7919 % ((leaves - UNSIGNED) // RECORD_EVERY) * RECORD_EVERY]

    def sizes(number: int) -> list[Any]:
        return sorted(1 + number * prime % leaves for prime in (6_700_417, 2_971_215_073))

    key = laboratory.value("SELECT audit.issue_api_key('tree', 'bench')")
    for kind, role, enter, value in (
        ("a named tenant", "bench_header", "SELECT audit.set_tenant(%s)", "tree"),
        ("an API key", "bench_key", "SELECT audit.enter_tenant(%s)", key),
    ):
        for name, statement, arguments in (
            ("inclusion", "SELECT audit.get_inclusion_proof(p_id => md5(%s::text)::uuid)", record),
            ("consistency", "SELECT audit.get_consistency_proof(p_from => %s, p_to => %s)", sizes),
        ):
            with psycopg.connect(laboratory.url(role), autocommit=True) as connection:
                times, processor, length = timed(connection, enter, value, statement, arguments)
            cuts = statistics.quantiles(times, n=100)
            print(
                f"{name} proof in {leaves:,} leaves, {kind}: median {statistics.median(times) * 1000:.2f} ms,"
                f" p99 {cuts[98] * 1000:.2f} ms, processor {processor * 1000:.2f} ms with the entering,"
                f" {length:,} bytes"
            )


def timed(
    connection: Connection[Any], enter: str, value: str, statement: str, arguments: Callable[[int], list[Any]]
) -> tuple[list[float], float, int]:
    """Return how long each call took, in seconds, the processor time of one, and the length of the last answer."""
    times = []
    text, before = "", 0.0
    for number in range(PROOFS + 20):
        if number == 20:
            before = processor_seconds(connection.info.backend_pid)
        with connection.transaction():
            connection.execute(enter.encode(), [value])
            started = time.perf_counter()
            ((text,),) = connection.execute(statement.encode(), arguments(number)).fetchall()
            if number >= 20:  # a session reads its catalogue first
                times.append(time.perf_counter() - started)
    processor = (processor_seconds(connection.info.backend_pid) - before) / PROOFS
    return times, processor, len(text.encode())


def bundles(laboratory: Laboratory) -> None:
    """Time a bundle of all records of a tenant, and one of the newest tenth."""
    start = laboratory.start_of_newest(
        laboratory.value("SELECT count(*) / 10 FROM audit.audit_logs WHERE tenant_id = 'bench'")
    )
    for name, since in (("whole", None), ("window", start)):
        with psycopg.connect(laboratory.url("bench_key"), autocommit=True) as connection:
            before = processor_seconds(connection.info.backend_pid)
            started, leaves, length, longest = time.monotonic(), 0, 0, 0.0
            for part, seconds in parts(connection, laboratory.api_key, since):
                leaves += part.count(b'{"version":')
                length += len(part)
                longest = max(longest, seconds)
            took = time.monotonic() - started
            processor = processor_seconds(connection.info.backend_pid) - before
        print(
            f"evidence bundle, {name}: {leaves:,} leaves, {leaves / took:,.0f} a second,"
            f" {leaves / processor:,.0f} a second of the processor, {length / 2**20:,.0f} MiB,"
            f" longest part {longest * 1000:.0f} ms"
        )


def parts(connection: Connection[Any], key: str, since: str | None) -> Iterator[tuple[bytes, float]]:
    """Yield each part of a bundle, and the seconds that it took."""
    state: str | None = None
    with connection.transaction():
        connection.execute("SELECT audit.enter_tenant(%s)", [key])
        ((state,),) = connection.execute(
            "SELECT audit.begin_export(p_api_key => %s, p_format => 'evidence', p_start_time => %s)", [key, since]
        ).fetchall()
    while state is not None:
        started = time.perf_counter()
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SELECT audit.enter_tenant(%s)", [key])
            cursor.execute("SELECT audit.continue_export(p_state => %s)", [state])
            copy = "COPY (SELECT lines, state FROM audit.export_audit_logs()) TO STDOUT (FORMAT binary)"
            with cursor.copy(copy) as rows:
                rows.set_types(["bytea", "text"])
                read = list(rows.rows())
        state = read[-1][1]
        yield b"".join(lines for lines, _ in read), time.perf_counter() - started


if __name__ == "__main__":
    main()
