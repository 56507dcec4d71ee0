"""`make migrate` and `make plan`: from empty, again, after an edit, two at once, and what is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import migrate
from app.migrate import MigrationRefused
from app.release import DATABASE_DIRECTORY, fingerprints, schema_version
from tests.support.releases import catalogue, copy_of_release

LATEST = schema_version(fingerprints())
CHANGES = """
    SELECT 'relation', relname, xmin::text FROM pg_class WHERE relnamespace = 'audit'::regnamespace
    UNION ALL SELECT 'function', proname, xmin::text FROM pg_proc WHERE pronamespace = 'audit'::regnamespace
    UNION ALL SELECT 'policy', polname, xmin::text FROM pg_policy
    UNION ALL SELECT 'schema', nspname, xmin::text FROM pg_namespace
    UNION ALL SELECT 'role', rolname, xmin::text FROM pg_authid WHERE rolname LIKE 'audit%'
    UNION ALL SELECT 'member', member::regrole::text, xmin::text FROM pg_auth_members
    UNION ALL SELECT 'database', datname, xmin::text FROM pg_database WHERE datname = current_database()
"""


@pytest.fixture
def empty(create_database: Callable[[], str]) -> str:
    return create_database()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of db/, to be changed."""
    return copy_of_release(tmp_path)


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def changes(url: str) -> set[tuple[Any, ...]]:
    """Return a mark of every object, which changes whenever the object is touched."""
    return set(rows(url, CHANGES))


def run(command: str, url: str | None, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"MIGRATION_DATABASE_URL": url} if url else {}
    return subprocess.run(
        [sys.executable, "-m", "app.migrate", command],
        cwd=DATABASE_DIRECTORY.parent, env={**os.environ, **variables, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_an_empty_database_gets_every_file(empty: str) -> None:
    done = migrate.apply(empty)

    files = fingerprints()
    assert done.pending == [path for path in files if path.startswith("schema/")]
    assert done.changed == [path for path in files if not path.startswith("schema/")]
    assert done.removed == []
    assert dict(rows(empty, "SELECT path, sha256 FROM pgmigrate.applied_files")) == files


def test_the_second_time_changes_nothing(empty: str) -> None:
    assert migrate.apply(empty)
    before = changes(empty), rows(empty, "TABLE pgmigrate.applied_files")

    assert not migrate.apply(empty)

    assert (changes(empty), rows(empty, "TABLE pgmigrate.applied_files")) == before


def test_an_edited_function_and_an_edited_policy_are_applied(empty: str, release: Path) -> None:
    migrate.apply(empty)
    function, policy = release / "functions/keys/create_tenant.sql", release / "policies/tenants.sql"
    function.write_text(function.read_text() + "COMMENT ON FUNCTION audit.create_tenant IS 'edited';\n")
    policy.write_text(policy.read_text() + "COMMENT ON POLICY owner_creates_tenants ON audit.tenants IS 'edited';\n")

    done = migrate.apply(empty, release)

    assert (done.pending, done.changed) == ([], ["functions/keys/create_tenant.sql", "policies/tenants.sql"])
    found = rows(empty, "SELECT count(*) FROM pg_description WHERE description = 'edited'")
    assert found == [(2,)]
    assert not migrate.apply(empty, release)


def test_a_new_function_is_applied_and_a_removed_one_forgotten(empty: str, release: Path) -> None:
    migrate.apply(empty)
    (release / "functions/read/new.sql").write_text("COMMENT ON SCHEMA audit IS 'new';\n")
    assert migrate.apply(empty, release).changed == ["functions/read/new.sql"]

    (release / "functions/read/new.sql").unlink()

    assert migrate.apply(empty, release).removed == ["functions/read/new.sql"]
    assert not migrate.apply(empty, release)
    assert rows(empty, "SELECT path FROM pgmigrate.applied_files WHERE path LIKE '%new%'") == []


def refused(url: str, release: Path, *words: str) -> None:
    """Assert that the release is refused, and that this changes nothing."""
    before = catalogue(url), rows(url, "TABLE pgmigrate.applied_files")
    with pytest.raises(MigrationRefused) as refusal:
        migrate.apply(url, release)
    for word in words:
        assert word in str(refusal.value)
    assert (catalogue(url), rows(url, "TABLE pgmigrate.applied_files")) == before


def test_an_edited_schema_file_is_refused(empty: str, release: Path) -> None:
    migrate.apply(empty)
    file = min((release / "schema").iterdir())
    file.write_text(file.read_text() + "-- edited\n")

    refused(empty, release, f"schema/{file.name}", "with other content")
    with pytest.raises(MigrationRefused):
        migrate.plan(empty, release)


def test_a_schema_file_that_comes_before_an_applied_one_is_refused(empty: str, release: Path) -> None:
    migrate.apply(empty)
    (release / "schema/V0000__late.sql").write_text("CREATE TABLE audit.late (id int);\n")

    refused(empty, release, "V0000__late.sql", "give it a higher number")


def test_a_database_that_is_newer_than_the_release_is_refused(empty: str, release: Path) -> None:
    file = release / f"schema/V{LATEST + 1:04}__future.sql"
    file.write_text("COMMENT ON SCHEMA audit IS 'future';\n")
    migrate.apply(empty, release)
    file.unlink()

    refused(empty, release, file.name, "newer than this release")


@pytest.mark.parametrize("folder", ["schema", "functions/read", "policies"])
def test_a_file_that_fails_changes_nothing(empty: str, release: Path, folder: str) -> None:
    migrate.apply(empty)
    (release / f"schema/V{LATEST + 1:04}__fine.sql").write_text("CREATE TABLE audit.fine (id int);\n")
    name = f"V{LATEST + 2:04}__broken.sql" if folder == "schema" else "zzz.sql"
    (release / folder / name).write_text("COMMENT ON SCHEMA audit IS 'half done';\nSELECT 1 / 0;\n")

    refused(empty, release, "division by zero")
    (release / folder / name).unlink()
    assert migrate.apply(empty, release).pending == [f"schema/V{LATEST + 1:04}__fine.sql"]


@pytest.mark.parametrize(
    "name",
    ["schema/0003.sql", "schema/V0003_one.sql", "functions/read/a.sql.orig", "policies/notes.txt", "functions/a.sql"],
)
def test_a_file_that_would_be_skipped_in_silence_is_refused(empty: str, release: Path, name: str) -> None:
    (release / name).write_text("SELECT 1;\n")

    with pytest.raises(ValueError, match=r"not named as a file of this folder|does not list"):
        migrate.apply(empty, release)


def test_a_plan_shows_what_would_be_done_and_does_none_of_it(empty: str) -> None:
    before = catalogue(empty)

    planned = migrate.plan(empty)

    assert catalogue(empty) == before
    assert planned == migrate.apply(empty)
    marks = changes(empty)
    assert not migrate.plan(empty)
    assert changes(empty) == marks


def test_migrations_at_once_do_no_harm_to_each_other(empty: str, create_database: Callable[[], str]) -> None:
    reference = create_database()
    migrate.apply(reference)
    with ThreadPoolExecutor(4) as executor:
        done = list(executor.map(migrate.apply, [empty] * 4))

    assert [bool(plan) for plan in done].count(True) == 1
    assert catalogue(empty) == catalogue(reference)
    assert dict(rows(empty, "SELECT path, sha256 FROM pgmigrate.applied_files")) == fingerprints()


def test_the_command_plans_and_applies_and_then_is_up_to_date(empty: str) -> None:
    planned = run("plan", empty)
    assert (planned.returncode, planned.stderr) == (0, "")
    assert "would apply db/schema/V0001__create_tenants.sql" in planned.stdout

    applied = run("apply", empty)
    assert (applied.returncode, applied.stderr) == (0, "")
    assert applied.stdout == planned.stdout.replace("would ", "")

    for command in ("plan", "apply"):
        assert run(command, empty).stdout == "up to date\n"


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_the_command_refuses_in_one_line_that_shows_no_password(command: str) -> None:
    nothing = run(command, None, MIGRATION_DATABASE_URL="")
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("set MIGRATION_DATABASE_URL")

    unreachable = run(command, "postgresql://someone:passw0rd@127.0.0.1:1/none")
    assert unreachable.returncode == 1
    assert "127.0.0.1" in unreachable.stderr
    assert "Traceback" not in unreachable.stderr
    assert "passw0rd" not in unreachable.stderr + unreachable.stdout
