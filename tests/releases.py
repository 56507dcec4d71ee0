"""Releases of db/ to migrate to, and what a migration has made of a database."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from app.database_files import DATABASE_DIRECTORY


def copy_of_release(folder: Path) -> Path:
    """Copy db/ below `folder`, to be changed; return its path."""
    shutil.copy(DATABASE_DIRECTORY.parent / "pgmigrate.yml", folder)
    return Path(shutil.copytree(DATABASE_DIRECTORY, folder / "db", symlinks=True))


def catalogue(url: str) -> str:
    """Return everything but the rows of the database: tables, functions, policies, owners, comments and privileges."""
    binaries = os.environ.get("POSTGRESQL_BINARIES")
    pg_dump = str(Path(binaries, "pg_dump")) if binaries else shutil.which("pg_dump")
    assert pg_dump, "set POSTGRESQL_BINARIES to the folder of the server's programs"
    dump = subprocess.run([pg_dump, "--schema-only", url], capture_output=True, text=True, check=False)
    assert dump.returncode == 0, dump.stderr
    # A random word in every dump.
    return re.sub(r"^\\(un)?restrict .*$", "", dump.stdout, flags=re.MULTILINE)
