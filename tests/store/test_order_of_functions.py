"""Functions may be applied in any order: none is resolved against another when it is made. Policies come after them."""

import random
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from app import migrate
from app.release import DATABASE_DIRECTORY
from tests.support.releases import catalogue, copy_of_release

FUNCTIONS = sorted((DATABASE_DIRECTORY / "functions").glob("*.sql"))


def apply_functions(url: str, order: list[Path]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DO 'BEGIN END'")  # as pgmigrate.yml has it
        connection.execute("SET ROLE audit_owner")
        for file in order:
            connection.execute(file.read_bytes())


def release_without_functions(folder: Path) -> Path:
    release = copy_of_release(folder)
    for file in [*(release / "functions").iterdir(), *(release / "policies").iterdir()]:
        file.unlink()
    return release


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
    (release / "functions" / "a_report.sql").write_text(
        "CREATE OR REPLACE FUNCTION audit.a_report() RETURNS SETOF text LANGUAGE sql AS $$SELECT audit.z_findings()$$;"
    )
    (release / "functions" / "z_findings.sql").write_text(
        "CREATE OR REPLACE FUNCTION audit.z_findings() RETURNS SETOF text LANGUAGE sql AS $$SELECT 'x'::text$$;"
    )
    with pytest.raises(migrate.MigrationRefused, match="z_findings"):
        migrate.apply(create_database(), release)
