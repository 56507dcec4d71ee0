"""Older releases of db/ to migrate from, and the catalogue of a migrated database, to compare."""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import psycopg
import pytest

from app import migrate
from app.release import DATABASE_DIRECTORY, fingerprints, schema_version

RELEASE_BEFORE = "a5a6f4d"
"""The commit of the release before this one, which docs/upgrade.md is tried with. Every release names the next."""

INDEXES_SINCE = 13
"""The number of the schema file that came with db/indexes."""

COLUMNS_SINCE = 15
"""The number of the schema file that adds columns to records."""


def release_before(folder: Path) -> Path:
    """Unpack the release before below `folder`, service and SQL; return where. It runs with the packages of this one.

    It comes from the history of the repository: a copy of it beside this one would be a second thing to keep. Where
    there is no history, in an image or a shallow clone, the test is skipped, but not on GitHub, which has it fetched.
    """
    archive = folder / "release-before.tar"
    command = ["git", "archive", "-o", str(archive), RELEASE_BEFORE, "app", "db", "pgmigrate.yml"]
    done = subprocess.run(command, cwd=DATABASE_DIRECTORY.parent, capture_output=True, text=True, check=False)
    if done.returncode != 0 and not os.environ.get("GITHUB_ACTIONS"):
        pytest.skip(f"the history of the repository is not here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    release = folder / "release-before"
    with tarfile.open(archive) as members:
        members.extractall(release, filter="data")
    return release


def copy_of_release(folder: Path) -> Path:
    """Copy db/ below `folder`, to be changed; return its path."""
    shutil.copy(DATABASE_DIRECTORY.parent / "pgmigrate.yml", folder)
    return Path(shutil.copytree(DATABASE_DIRECTORY, folder / "db", symlinks=True))


def release_as_of(folder: Path, version: int, scratch: str) -> Path:
    """Copy db/ with its schema files up to `version`, and of the functions and policies those that can be with them."""
    release = copy_of_release(folder)
    for file in (release / "schema").glob("V*.sql"):
        if schema_version({f"schema/{file.name}": ""}) > version:
            file.unlink()
    if version < INDEXES_SINCE:
        shutil.rmtree(release / "indexes")
    later = [release / path for path in fingerprints(release) if not path.startswith("schema/")]
    texts = {file: file.read_bytes() for file in later}
    for file in later:
        file.unlink()
    migrate.apply(scratch, release)
    with psycopg.connect(scratch) as connection:
        connection.execute("SET ROLE audit_owner")
        for file in later:
            try:
                with connection.transaction():
                    connection.execute(texts[file])
            except psycopg.Error:
                continue  # it speaks of a table that was not there yet
            file.write_bytes(texts[file])
        connection.rollback()
    return release


def catalogue(url: str) -> str:
    """Return everything but the rows of the database: tables, functions, policies, owners, comments and privileges."""
    binaries = os.environ.get("POSTGRESQL_BINARIES")
    pg_dump = str(Path(binaries, "pg_dump")) if binaries else shutil.which("pg_dump")
    assert pg_dump, "set POSTGRESQL_BINARIES to the folder of the server's programs"
    dump = subprocess.run([pg_dump, "--schema-only", url], capture_output=True, text=True, check=False)
    assert dump.returncode == 0, dump.stderr
    # A random word in every dump.
    return re.sub(r"^\\(un)?restrict .*$", "", dump.stdout, flags=re.MULTILINE)
