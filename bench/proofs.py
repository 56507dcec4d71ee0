"""What proofs and evidence bundles cost in the database, and how fast a bundle is verified offline.

A bundle is of records that audit.seal_records() has sealed and that a key of ours has signed, read part by part over
COPY as the service does. The tree of many leaves is filled by hand: sealing ten million would take minutes.
"""

import base64
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection

from app.sign.notes import Checkpoint, key_of, origin_of, sign
from bench import pairs
from bench.figures import Figure
from bench.laboratory import SCRIPTS, Laboratory
from bench.run import Run
from bench.serving import ROOT, backend_seconds

UNSIGNED = 1000
RECORD_EVERY = 9973  # as bench/sql/proofs_tree.sql
PROOFS = 300
"""Of a kind, in a round."""
LOG = "bench.example"


def write(laboratory: Laboratory, records: int) -> None:
    """Write the records of the tenant `bench` that a bundle has."""
    with laboratory.superuser() as connection:
        connection.execute((SCRIPTS / "bundle_records.sql").read_text().replace(":records", str(records)).encode())


def grow(laboratory: Laboratory, leaves: int) -> None:
    """Make the tree of `leaves` leaves, and a checkpoint of it that nobody signed."""
    with laboratory.superuser() as connection:
        connection.execute("SELECT set_config('bench.leaves', %s, false)", [str(leaves)])
        connection.execute((SCRIPTS / "proofs_tree.sql").read_bytes())


def proofs(run: Run, laboratory: Laboratory) -> None:
    """Time proofs of random records and sizes, and count the bytes of the hashes in one."""
    leaves = run.plan.leaves

    # Far apart, one after the other, and the same in every run.
    def record(number: int) -> list[Any]:
        return [number * 7919 % ((leaves - UNSIGNED) // RECORD_EVERY) * RECORD_EVERY]

    def sizes(number: int) -> list[Any]:
        return sorted(1 + number * prime % leaves for prime in (6_700_417, 2_971_215_073))

    key = laboratory.value("SELECT audit.issue_api_key('tree', 'bench')")
    inclusion = "SELECT audit.get_inclusion_proof(p_id => md5(%s::text)::uuid)"
    consistency = "SELECT audit.get_consistency_proof(p_from => %s, p_to => %s)"
    proof = ""
    for kind, role, enter, value in (
        ("named tenant", "bench_header", "SELECT audit.set_tenant(%s)", "tree"),
        ("API key", "bench_key", "SELECT audit.enter_tenant(%s)", key),
    ):
        for name, statement, arguments in (
            ("inclusion", inclusion, record), ("consistency", consistency, sizes),
        ):  # fmt: skip
            medians, tails, used = [], [], []
            for _ in range(run.plan.rounds):
                with psycopg.connect(laboratory.url(role), autocommit=True) as connection:
                    times, each, text = timed(connection, enter, value, statement, arguments)
                medians.append(1000 * times[len(times) // 2])
                used.append(1000 * each)
                tails.append(1000 * times[len(times) * 99 // 100])
            proof = text if name == "inclusion" else proof
            what = f"{name} proof in {leaves:,} leaves, {kind}"
            run.figure(Figure(f"{what}: median", "ms", medians, pairs.PROOF_TIME))
            run.figure(Figure(f"{what}: p99", "ms", tails))
            run.figure(Figure(f"{what}: processor time", "ms", used))
    hashes = proof.partition("\n\n")[0].split("\n")[2:]
    length = sum(len(base64.b64decode(each)) for each in hashes)
    run.figure(Figure(f"hashes of an inclusion proof in {leaves:,} leaves", "bytes", [length], pairs.PROOF_SIZE))


def timed(
    connection: Connection[Any], enter: str, value: str, statement: str, arguments: Callable[[int], list[Any]]
) -> tuple[list[float], float, str]:
    """Return how long each call took, in seconds, sorted; the processor time of one, entering included; an answer."""
    times = []
    text, before = "", 0.0
    for number in range(PROOFS + 20):
        if number == 20:
            before = backend_seconds(connection)
        with connection.transaction():
            connection.execute(enter.encode(), [value])
            started = time.perf_counter()
            ((text,),) = connection.execute(statement.encode(), arguments(number)).fetchall()
            if number >= 20:  # a session reads its catalogue first
                times.append(time.perf_counter() - started)
    return sorted(times), (backend_seconds(connection) - before) / PROOFS, text


def bundles(run: Run, laboratory: Laboratory) -> None:
    """Measure the bundle of all records of a tenant, the one of its newest tenth, and the verifier on the first."""
    vkey = _signed(laboratory)
    start = laboratory.start_of_newest(run.plan.exported // 10)
    file = run.folder / "bundle.ndjson"
    for name, since in (("the newest tenth of a tenant", start), ("all of a tenant", None)):
        rates = []
        for _ in range(run.plan.rounds):
            leaves, seconds = _read(laboratory, since, file)
            rates.append(leaves / seconds)
        run.figure(Figure(f"evidence bundle of {name}", "leaves a second", rates, at_least=True))
    took = [_verified(file, vkey) for _ in range(run.plan.rounds)]
    for what, target, part in (("", pairs.VERIFIER_RATE, 0), (", processor time", None, 1)):
        rates = [60 * leaves / each[part] for each in took]
        run.figure(Figure(f"verifier, {leaves:,} leaves{what}", "leaves a minute", rates, target, at_least=True))


def _signed(laboratory: Laboratory) -> str:
    """Sign the head of the tenant `bench`, store the checkpoint, and return the key that verifies it."""
    private, name = Ed25519PrivateKey.generate(), origin_of(LOG, "bench", 1)
    with laboratory.superuser() as connection:
        ((size, root),) = connection.execute(
            "SELECT size, root FROM audit.list_tree_heads() WHERE tenant_id = 'bench'"
        ).fetchall()
        text = Checkpoint(name, size, root).text
        note = f"{text}\n{sign(text, name, private)}"
        connection.execute("SELECT audit.store_checkpoint('bench', 1, %s, %s, %s)", [size, root, note])
    return str(key_of(name, private))


def _read(laboratory: Laboratory, since: str | None, file: Path) -> tuple[int, float]:
    """Read a bundle into the file; return its leaves, and the seconds that the database took."""
    leaves, seconds = 0, 0.0
    with psycopg.connect(laboratory.url("bench_key"), autocommit=True) as connection, file.open("wb") as bundle:
        for part, took in _parts(connection, laboratory.api_key, since):
            leaves += part.count(b'{"version":')
            seconds += took
            bundle.write(part)
    return leaves, seconds


def _parts(connection: Connection[Any], key: str, since: str | None) -> Iterator[tuple[bytes, float]]:
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


def _verified(file: Path, vkey: str) -> tuple[float, float]:
    """Verify the bundle, the start of Python included; return the seconds on the clock, and the processor's.

    Raises RuntimeError when it does not pass.
    """
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "app.verify", str(file), "--key", vkey],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the bundle does not verify: {done.stdout} {done.stderr}")
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
