"""`make migrate` builds indexes: writers go on, a failed build is repaired, and old indexes stay until then."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from app import index_builds, migrate
from app.index_builds import AnotherMigration, IndexBuildFailed
from app.migrate import MigrationRefused, Plan
from app.release import DATABASE_DIRECTORY
from tests.commands.test_migrate import rows, run
from tests.support.polling import eventually
from tests.support.releases import INDEXES_SINCE, copy_of_release, release_as_of

INDEX = "audit_logs_tenant_id_mode_created_at_id_idx"
FILE = f"indexes/{INDEX}.sql"
OLD_INDEX = "audit_logs_tenant_id_created_at_idx"
INDEX_OF_A_NEW_COLUMN = "indexes/audit_logs_tenant_id_recorded_xid_id_idx.sql"
"""Its column comes with V0015: it is built after the schema files."""
INSERT = b"""
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode) VALUES (gen_random_uuid(), 'acme', 'agent', 'LIVE')
"""
BUILDING = b"""
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%CREATE INDEX CONCURRENTLY%' AND state = 'active'
      AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def url(create_database: Callable[[], str]) -> str:
    """A migrated database with a tenant and a record, in which one index is missing."""
    url = create_database()
    migrate.apply(url)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('acme', now())")
        connection.execute(INSERT)
        connection.execute(f"DROP INDEX audit.{INDEX}".encode())
    return url


@pytest.fixture
def watcher(url: str) -> Iterator[Connection[Any]]:
    """A superuser's connection in autocommit mode."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def validity(url: str, index: str = INDEX) -> bool | None:
    """Return whether an index is valid; None: there is none."""
    found = rows(url, f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('audit.{index}')")
    return found[0][0] if found else None


def definition(url: str, index: str = INDEX) -> str:
    return str(rows(url, f"SELECT pg_get_indexdef('audit.{index}'::regclass)")[0][0])


@contextmanager
def build_under_way(
    url: str, watcher: Connection[Any], directory: Path = DATABASE_DIRECTORY
) -> Iterator[tuple[Future[Plan], int]]:
    """Migrate while a transaction that has written is open, until the block ends; give the migration and its backend.

    The build waits for such a transaction: so it is under way for as long as the test wants.
    """
    with ThreadPoolExecutor(1) as executor:
        with psycopg.connect(url, application_name="nightly dump") as writer:
            writer.execute(INSERT)
            migration = executor.submit(migrate.apply, url, directory)
            backend = eventually(lambda: migration.done() or watcher.execute(BUILDING).fetchone())
            assert isinstance(backend, tuple), migration.exception()
            yield migration, backend[0]
        migration.exception(timeout=60)


def test_records_are_written_while_an_index_is_built(url: str, watcher: Connection[Any]) -> None:
    with build_under_way(url, watcher) as (migration, _):
        watcher.execute("SET statement_timeout = '10s'")
        watcher.execute(INSERT)
        assert not migration.done()

    assert migration.result() == Plan([], [], [], indexes=[FILE])
    assert validity(url) is True
    with psycopg.connect(url) as connection:
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        by_index = "SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'acme' AND mode = 'LIVE'"
        assert connection.execute(by_index).fetchone() == (3,)
    assert not migrate.apply(url)


def test_a_build_that_waits_says_for_whom(
    url: str, watcher: Connection[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(index_builds, "_SAY_EVERY_SECONDS", 0.1)
    said: list[str] = []

    def new_lines() -> list[str]:
        said.extend(capsys.readouterr().err.splitlines())
        return said

    with build_under_way(url, watcher) as (_, backend):
        (pid,) = watcher.execute("SELECT unnest(pg_blocking_pids(%s))", [backend]).fetchone() or (None,)
        since = rows(url, f"SELECT date_trunc('second', xact_start)::text FROM pg_stat_activity WHERE pid = {pid}")
        eventually(new_lines)

    assert new_lines() == [
        f"an index build waits for pid {pid}, role 'postgres', application 'nightly dump', "
        f"in a transaction since {since[0][0]}"
    ]


def test_a_build_that_failed_is_repaired_by_the_next_run(url: str, watcher: Connection[Any]) -> None:
    with build_under_way(url, watcher) as (migration, pid):
        watcher.execute("SELECT pg_cancel_backend(%s)", [pid])
        failure = migration.exception(timeout=60)

    assert isinstance(failure, IndexBuildFailed)
    assert f"db/{FILE}" in str(failure)
    assert "run the migration again" in str(failure)
    assert validity(url) is False
    assert migrate.plan(url).indexes == [FILE]

    assert migrate.apply(url).indexes == [FILE]

    assert validity(url) is True
    assert not migrate.plan(url)


def test_old_indexes_are_not_dropped_before_the_new_ones_are_built(
    create_database: Callable[[], str], tmp_path: Path
) -> None:
    url = create_database()
    migrate.apply(url, release_as_of(tmp_path, INDEXES_SINCE - 1, scratch=create_database()))
    with psycopg.connect(url, autocommit=True) as watcher:
        watcher.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('acme', now())")
        watcher.execute(INSERT)
        before = rows(url, "TABLE pgmigrate.applied_files")

        with build_under_way(url, watcher) as (migration, pid):
            assert validity(url, OLD_INDEX) is True
            watcher.execute("SELECT pg_cancel_backend(%s)", [pid])
            assert isinstance(migration.exception(timeout=60), IndexBuildFailed)

        assert rows(url, "TABLE pgmigrate.applied_files") == before
        assert validity(url, OLD_INDEX) is True
        built = migrate.apply(url).indexes
        assert sorted(built) == sorted(
            f"indexes/{file.name}" for file in (DATABASE_DIRECTORY / "indexes").glob("*.sql")
        )
        assert built[-1] == INDEX_OF_A_NEW_COLUMN
        assert validity(url, OLD_INDEX) is None


def test_without_that_step_a_table_with_records_keeps_its_indexes(
    create_database: Callable[[], str], tmp_path: Path
) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
    url = create_database()
    migrate.apply(url, release_as_of(tmp_path / "old", INDEXES_SINCE - 1, scratch=create_database()))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('acme', now())")
        connection.execute(INSERT)
    release = copy_of_release(tmp_path / "new")
    shutil.rmtree(release / "indexes")

    with pytest.raises(MigrationRefused, match="the indexes of db/indexes come first"):
        migrate.apply(url, release)

    assert validity(url, OLD_INDEX) is True


def test_a_migration_that_is_refused_builds_nothing(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO pgmigrate.applied_files (path, sha256) VALUES ('schema/V9999__future.sql', repeat('0', 64))"
        )

    with pytest.raises(MigrationRefused, match="newer than this release"):
        migrate.apply(url)

    assert validity(url) is None


@pytest.mark.parametrize(
    "columns",
    [
        "(tenant_id, created_at DESC NULLS LAST, id DESC NULLS LAST)",
        "(tenant_id, mode, created_at, id)",
        "(tenant_id, mode, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE mode = 'LIVE'",
    ],
)
def test_an_index_of_that_name_with_another_definition_is_built_anew(url: str, columns: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE INDEX {INDEX} ON audit.audit_logs {columns}".encode())
        connection.execute(f"COMMENT ON INDEX audit.{INDEX} IS 'Another.'".encode())

    assert migrate.plan(url).indexes == [FILE]
    assert migrate.apply(url).indexes == [FILE]

    assert "(tenant_id, mode, created_at DESC NULLS LAST, id DESC NULLS LAST)" in definition(url)
    assert "WHERE" not in definition(url)
    assert not migrate.plan(url)


def test_an_index_with_storage_parameters_of_its_own_is_left_alone(url: str) -> None:
    migrate.apply(url)
    with psycopg.connect(url) as connection:
        connection.execute(f"ALTER INDEX audit.{INDEX} SET (fillfactor = 70)".encode())
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET quote_all_identifiers = on".encode())

    assert not migrate.plan(url)
    assert not migrate.apply(url)

    assert rows(url, f"SELECT reloptions FROM pg_class WHERE relname = '{INDEX}'") == [(["fillfactor=70"],)]


def test_a_comment_that_a_killed_build_left_out_is_set_by_the_next_run(url: str) -> None:
    migrate.apply(url)
    index = rows(url, f"SELECT 'audit.{INDEX}'::regclass::oid")
    with psycopg.connect(url) as connection:
        connection.execute(f"COMMENT ON INDEX audit.{INDEX} IS NULL".encode())

    assert migrate.plan(url) == Plan([], [], [], comments=[FILE])
    assert run("plan", url).stdout == f"would set the comment of db/{FILE}\n"
    assert migrate.apply(url) == Plan([], [], [], comments=[FILE])

    assert rows(url, f"SELECT obj_description('audit.{INDEX}'::regclass)") == [("Serves lists of one mode.",)]
    assert rows(url, f"SELECT 'audit.{INDEX}'::regclass::oid") == index
    assert not migrate.apply(url)


def test_the_command_says_which_index_it_would_build_has_built_and_could_not_build(url: str) -> None:
    assert run("plan", url).stdout == f"would build db/{FILE}\n"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE audit.{INDEX} (id int)".encode())
        failed = run("apply", url)
        connection.execute(f"DROP TABLE audit.{INDEX}".encode())

    assert failed.returncode == 1
    assert failed.stderr.startswith(f"an index was not built: db/{FILE}: ")
    assert run("apply", url).stdout == f"build db/{FILE}\n"
    assert run("plan", url).stdout == "up to date\n"


def test_a_migration_that_finds_another_under_way_gives_up_in_time(
    url: str, watcher: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.execute((DATABASE_DIRECTORY / "bootstrap" / "migration_lock.sql").read_bytes())
    monkeypatch.setattr(index_builds, "_MAX_WAIT_SECONDS", 0.3)

    with pytest.raises(AnotherMigration):
        migrate.apply(url)

    assert validity(url) is None


def test_two_migrations_at_once_build_each_index_once(url: str) -> None:
    with ThreadPoolExecutor(3) as executor:
        done = list(executor.map(migrate.apply, [url] * 3))

    assert sorted(plan.indexes for plan in done) == [[], [], [FILE]]
    assert validity(url) is True


def test_every_file_is_named_as_its_index_and_drops_what_a_failure_has_left() -> None:
    files = sorted((DATABASE_DIRECTORY / "indexes").glob("*.sql"))
    assert files
    for file in files:
        text = file.read_text()
        assert f"DROP INDEX CONCURRENTLY IF EXISTS audit.{file.stem};" in text
        assert f"CREATE INDEX CONCURRENTLY {file.stem}\n" in text
        assert f"COMMENT ON INDEX audit.{file.stem} IS" in text
