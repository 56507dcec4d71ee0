"""The SQL files of this release, and their fingerprints, which a database must have before it is served.

A release is its files under db/schema and under the folders that pgmigrate.yml lists. app/migrate.py applies them and
records the SHA-256 of each in the database; the service compares the two before it serves (audit.schema_version()).
"""

import hashlib
import re
from pathlib import Path

import yaml

DATABASE_DIRECTORY = Path(__file__).resolve().parent.parent / "db"
_SCHEMA_FILE = re.compile(r"V(\d+)__.+\.sql")


def fingerprints(directory: Path = DATABASE_DIRECTORY) -> dict[str, str]:
    """Return {path below `directory`: SHA-256 in hexadecimal} of every file of the release, in order of application.

    Raises ValueError for a file that would be skipped silently: in schema/ one with another name than V0001__words.sql,
    elsewhere one that is no .sql file, or whose folder pgmigrate.yml does not list. schema/frozen.sha256 guards the
    numbered files, and is not one of them.
    """
    found: dict[str, str] = {}
    for folder in folders(directory):
        for file in sorted((directory / folder).iterdir()):
            if folder == "schema" and file.name == "frozen.sha256":
                continue
            if not file.name.endswith(".sql") or (folder == "schema" and not _SCHEMA_FILE.fullmatch(file.name)):
                raise ValueError(f"db/{folder}/{file.name} is not named as a file of this folder is")
            found[f"{folder}/{file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
    for file in sorted((directory / "functions").rglob("*")):
        if file.is_file() and str(file.relative_to(directory)) not in found:
            raise ValueError(f"db/{file.relative_to(directory)} is in a folder that pgmigrate.yml does not list")
    return found


def folders(directory: Path = DATABASE_DIRECTORY) -> list[str]:
    """Return the folders of the release in order of application, relative to `directory`: schema, then those listed."""
    listed: list[str] = yaml.safe_load((directory / "migrations.yml").read_text())["callbacks"]["afterAll"]
    return ["schema", *listed]


def schema_version(files: dict[str, str]) -> int:
    """Return the highest number of a schema file among `files`, 0 when there is none."""
    found = (_SCHEMA_FILE.fullmatch(path.removeprefix("schema/")) for path in files)
    return max((int(match[1]) for match in found if match), default=0)


def digest(files: dict[str, str]) -> str:
    """Return one SHA-256 over all of `files`, the same that audit.schema_version() computes in the database."""
    lines = "\n".join(f"{path} {sha256}" for path, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
