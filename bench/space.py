"""`make bench-space`: measures the bytes of a record on disk, and writes them into docs/capacity.md.

Records of twenty tenants are written, sealed, signed and pruned on a server of its own, in some minutes. Bytes do not
depend on what else the machine does.
"""

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import migrate
from app.local.server import PrivateServer, wheel_binaries
from app.sign.notes import Checkpoint, origin_of, sign
from bench.laboratory import SCRIPTS

PAGE = Path(__file__).parent.parent / "docs" / "capacity.md"
BEGIN = "<!-- Written by `make bench-space`, down to the next comment. -->"
END = "<!-- End of what is written. -->"
INSERT = (SCRIPTS / "space_records.sql").read_text()
TENANTS = 20
COHORT = 30_000
"""Records that are of one age, and are pruned together."""
PIECE = 1500
"""Records that are sealed together."""
KEPT = 10
"""Cohorts that are there at a time."""
ROUNDS = 10
DAYS = 10
"""Between two cohorts."""
RECORDS = "audit_logs"
KEPT_WITH_IT = (RECORDS, "seals", "seal_nodes")
SHOWN = 0.5
"""Bytes a record from which a table or index has a row of its own."""


@dataclass(frozen=True)
class Relation:
    """A table or an index, and its bytes."""

    name: str
    kind: str
    of_table: str
    size: int


class Trail:
    """A database whose records come and go. is_signed_often: whether the heads are signed after each piece."""

    def __init__(self, url: str, *, is_signed_often: bool) -> None:
        migrate.apply(url)
        self._connection = psycopg.connect(url, autocommit=True)
        self._key = Ed25519PrivateKey.generate()
        self._is_signed_often = is_signed_often
        self.written = 0
        self.execute("SELECT audit.create_tenant('space' || n) FROM generate_series(0, %s) AS n", TENANTS - 1)
        self.execute("SELECT audit.set_retention_rules(p_live_floor_days => 1, p_release_by_two => false)")

    def execute(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement as a superuser; return its rows."""
        cursor = self._connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def write(self, cohort: int) -> None:
        """Write a cohort, seal it and sign it."""
        days = (KEPT + ROUNDS - cohort) * DAYS + DAYS // 2
        for first in range(self.written + 1, self.written + COHORT + 1, PIECE):
            statement = INSERT.replace(":first", str(first)).replace(":last", str(first + PIECE - 1))
            self.execute(statement.replace(":days", str(days)))
            self.execute("SELECT audit.seal_records(p_milliseconds => 10000)")
            if self._is_signed_often:
                self.sign()
        self.written += COHORT
        self.sign()

    def sign(self) -> None:
        """Store a checkpoint of each head."""
        for tenant, size, root in self.execute("SELECT tenant_id, size, root FROM audit.list_tree_heads()"):
            name = origin_of("bench.example", tenant, 1)
            text = Checkpoint(name, size, root).text
            self.execute(
                "SELECT audit.store_checkpoint(%s, 1, %s, %s, %s)",
                tenant,
                size,
                root,
                f"{text}\n{sign(text, name, self._key)}",
            )

    def prune(self, cohort: int) -> None:
        """Prune the cohorts up to this one, and clear the dead rows."""
        days = (KEPT + ROUNDS - cohort) * DAYS
        self.execute(
            "SELECT audit.set_retention('space' || n, %s, NULL) FROM generate_series(0, %s) AS n", days, TENANTS - 1
        )
        while self.execute("SELECT is_done FROM audit.prune_records(p_milliseconds => 10000)") != [(True,)]:
            pass
        self.execute("VACUUM (ANALYZE)")

    def space(self) -> list[Relation]:
        """Return every table and index."""
        return [
            Relation(*row) for row in self.execute("SELECT relation, kind, of_table, bytes FROM audit.space_used()")
        ]

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        ((rows,),) = self.execute(f"SELECT count(*) FROM audit.{table}")  # noqa: S608
        return int(rows)


def bytes_of(relations: list[Relation], *tables: str) -> int:
    """Return the bytes of these tables and their indexes."""
    return sum(each.size for each in relations if each.of_table in tables)


def measure(server: PrivateServer) -> str:
    """Measure, and return the tables for the page."""
    often, seldom = (
        Trail(_new_database(server, name), is_signed_often=name == "often") for name in ("often", "seldom")
    )
    for cohort in range(KEPT):
        often.write(cohort)
    often.execute("VACUUM (ANALYZE)")
    full, records, checkpoints = often.space(), often.written, often.count("checkpoints")

    for cohort in range(ROUNDS):
        often.prune(cohort)
        often.write(KEPT + cohort)
    growth = bytes_of(often.space(), RECORDS) / bytes_of(full, RECORDS)
    for cohort in range(KEPT + ROUNDS):
        seldom.write(cohort)
    lines = [f"| {records:,} records of {TENANTS} tenants | | bytes a record |", "|---|---|---|"]
    lines += [
        f"| `{each.name}` | {each.kind} | {each.size / records:.0f} |"
        for each in full
        if each.of_table in KEPT_WITH_IT and each.size / records >= SHOWN
    ]
    lines += [f"| **a record that is kept** | | **{bytes_of(full, *KEPT_WITH_IT) / records:.0f}** |"]
    lines += ["", "| beside that | |", "|---|---|"]
    for trail, between in ((often, PIECE // TENANTS), (seldom, COHORT // TENANTS)):
        name = f"a pruned record, of a tenant with a checkpoint for each {between:,} records"
        lines.append(f"| {name} | {_left(trail):.0f} bytes |")
    lines += [
        f"| a checkpoint | {bytes_of(full, 'checkpoints') / checkpoints:.0f} bytes |",
        f"| records and their indexes, after a tenth was pruned and written anew {ROUNDS} times | {growth:.2f} times |",
    ]
    return "\n".join(lines)


def _new_database(server: PrivateServer, name: str) -> str:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.url("postgres", name)


def _left(trail: Trail) -> float:
    """Prune every record; return the bytes that stay of each."""
    trail.prune(KEPT + ROUNDS - 1)
    if trail.count(RECORDS):
        raise RuntimeError("a record was not pruned")
    trail.execute("VACUUM FULL")
    return bytes_of(trail.space(), *KEPT_WITH_IT, "pruned_ids") / trail.written


def main() -> int:
    """Measure, print and write the page."""
    with tempfile.TemporaryDirectory(prefix="ringfence-space-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another OS user where we are root
        server = PrivateServer(wheel_binaries(), Path(folder) / "server")
        try:
            server.start("fsync=off", "autovacuum=off", "shared_buffers=256MB")
            text = measure(server)
        finally:
            server.remove()
    print(text)
    between = f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})"
    page, replaced = re.subn(between, lambda _: f"\n{text}\n\n", PAGE.read_text(), flags=re.DOTALL)
    if replaced != 1:
        raise ValueError("the page has the two comments once")
    PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
