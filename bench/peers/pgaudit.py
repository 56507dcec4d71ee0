"""The peer that logs instead of storing: pgaudit of Debian's PostgreSQL 15, beside our insert on the same server.

Its entries go to the server's log, which nothing flushes to the disk before the answer; the row that is inserted has
the same durability as ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.local.server import PrivateServer
from bench.laboratory import SERVER_SETTINGS, Laboratory

BINARIES = Path("/usr/lib/postgresql/15/bin")
EXTENSION = Path("/usr/share/postgresql/15/extension/pgaudit.control")
MISSING = f"pgaudit: {EXTENSION} is missing; it comes with Debian's package postgresql-15-pgaudit"
SETUP = Path(__file__).with_name("pgaudit.sql")


def is_available() -> bool:
    """Return whether Debian's PostgreSQL 15 and pgaudit are installed."""
    return EXTENSION.exists() and (BINARIES / "postgres").exists()


@contextmanager
def laboratory(folder: Path, records: int) -> Iterator[Laboratory]:
    """Run a server with pgaudit, and yield a database on it whose role bench_pgaudit is logged."""
    server = PrivateServer(BINARIES, folder / "pgaudit")
    try:
        server.start(*SERVER_SETTINGS, "shared_preload_libraries=pgaudit")
        found = Laboratory(server, "pgaudit", records)
        with found.superuser() as connection:
            connection.execute(SETUP.read_bytes())
        yield found
    finally:
        server.remove()


def check_logged(folder: Path) -> None:
    """Raise RuntimeError unless the server's log has the entry of an INSERT."""
    if b"AUDIT: SESSION" not in (folder / "pgaudit" / "log").read_bytes():
        raise RuntimeError("pgaudit logged nothing")
