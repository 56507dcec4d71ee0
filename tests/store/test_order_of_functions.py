"""The order of the functions: a room calls rooms above it in pgmigrate.yml, and files may be applied in any order."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from app import migrate
from app.release import DATABASE_DIRECTORY, folders
from tests.support.releases import catalogue, copy_of_release

FUNCTIONS = sorted((DATABASE_DIRECTORY / "functions").rglob("*.sql"))
_COMMENT_OR_TEXT = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


def apply_functions(url: str, order: list[Path]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DO 'BEGIN END'")  # as pgmigrate.yml has it
        connection.execute("SET ROLE audit_owner")
        for file in order:
            connection.execute(file.read_bytes())


def release_without_functions(folder: Path) -> Path:
    release = copy_of_release(folder)
    for file in [*(release / "functions").rglob("*.sql"), *(release / "policies").iterdir()]:
        file.unlink()
    return release


def calls_of(file: Path) -> set[str]:
    """Return the names of the functions of ours that the body of the function in `file` calls."""
    body = _COMMENT_OR_TEXT.sub("", file.read_text().split("$$")[1])
    return set(re.findall(r"\baudit\.(\w+)\(", body))


def test_a_function_calls_no_function_of_a_room_below_its_own() -> None:
    rooms = [folder for folder in folders() if folder.startswith("functions/")]
    floor = {file.stem: rooms.index(f"functions/{file.parent.name}") for file in FUNCTIONS}
    upwards = {
        f"{file.stem} calls {name}" for file in FUNCTIONS for name in calls_of(file) & floor.keys()
        if floor[name] > floor[file.stem]
    }  # fmt: skip

    assert sum(len(calls_of(file) & floor.keys()) for file in FUNCTIONS) > 30
    assert upwards == set()


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_functions_are_applied_in_any_order(create_database: Callable[[], str], tmp_path: Path, order: str) -> None:
    url, stated = create_database(), create_database()
    migrate.apply(stated)
    migrate.apply(url, release_without_functions(tmp_path))
    files = list(reversed(FUNCTIONS))
    if order == "shuffled":
        random.Random(1).shuffle(files)

    apply_functions(url, files)
    migrate.apply(url)

    assert catalogue(url) == catalogue(stated)


def test_a_function_in_sql_that_calls_a_later_one_is_refused(
    create_database: Callable[[], str], tmp_path: Path
) -> None:
    release = copy_of_release(tmp_path)
    (release / "functions/read/a_report.sql").write_text(
        "CREATE OR REPLACE FUNCTION audit.a_report() RETURNS SETOF text LANGUAGE sql AS $$SELECT audit.z_findings()$$;"
    )
    (release / "functions/read/z_findings.sql").write_text(
        "CREATE OR REPLACE FUNCTION audit.z_findings() RETURNS SETOF text LANGUAGE sql AS $$SELECT 'x'::text$$;"
    )
    with pytest.raises(migrate.MigrationRefused, match="z_findings"):
        migrate.apply(create_database(), release)
