"""`python -m tests.support.schema_dump`: write db/schema.sql, today's tables as the files of db/schema make them."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from app import migrate
from app.local.server import PrivateServer
from app.release import DATABASE_DIRECTORY
from tests.run import DEBIAN_SERVER

PAGE = DATABASE_DIRECTORY / "schema.sql"
_HEADER = """\
-- The types, tables, constraints and indexes of schema audit as they are today, for reading: the files of db/schema
-- make them, one change after the other. Written by `python -m tests.support.schema_dump` from a new database, and
-- never applied. Functions and policies have pages of their own.
"""
_KINDS = ("TYPE", "TABLE", "CONSTRAINT", "FK CONSTRAINT", "INDEX", "ROW SECURITY")
_COMMENTED = ("TYPE", "TABLE", "COLUMN", "CONSTRAINT", "INDEX")
_ENTRY = re.compile(r"^--\n-- Name: (.*); Type: ([A-Z ]+); Schema: audit; Owner: -\n--\n\n", re.MULTILINE)


def dump(binaries: Path, database_url: str) -> str:
    """Return the page of a migrated database. pg_dump of every supported server writes the same."""
    command = [
        str(binaries / "pg_dump"),
        "--schema-only",
        "--schema=audit",
        "--no-owner",
        "--no-privileges",
        database_url,
    ]
    environment = {**os.environ, "PGTZ": "UTC"}  # a CHECK shows its times in the session's zone
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    _, *parts = _ENTRY.split(done.stdout.partition("-- PostgreSQL database dump complete")[0].rstrip("-\n"))
    entries = list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))
    kept = [
        re.sub(r"\n+(    ADD )?", lambda found: " ADD " if found[1] else "\n", body.strip()).replace("\t", "    ")
        for name, kind, body in entries
        if kind in _KINDS or (kind == "COMMENT" and name.startswith(_COMMENTED))
    ]
    return _HEADER + "".join(("\n" if text.startswith("CREATE") else "") + text + "\n" for text in kept)


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory(prefix="ringfence-schema-") as folder:
        Path(folder).chmod(0o755)
        server = PrivateServer(DEBIAN_SERVER, Path(folder) / "server")
        try:
            server.start("fsync=off")
            migrate.apply(server.url("postgres"))
            PAGE.write_text(dump(server.binaries, server.url("postgres")))
        finally:
            server.remove()


if __name__ == "__main__":
    main()
