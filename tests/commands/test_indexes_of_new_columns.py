"""`make migrate` adds the columns of evidence to records from before them, and then builds the index of one."""

from collections.abc import Callable
from pathlib import Path

import psycopg

from app import migrate
from tests.commands.test_index_builds import INDEX_OF_A_NEW_COLUMN, INSERT, validity
from tests.commands.test_migrate import rows
from tests.support.releases import COLUMNS_SINCE, release_as_of


def test_an_index_of_a_column_that_a_schema_file_adds_is_built_after_that_file(
    create_database: Callable[[], str], tmp_path: Path
) -> None:
    url = create_database()
    migrate.apply(url, release_as_of(tmp_path, COLUMNS_SINCE - 1, scratch=create_database()))
    assert validity(url, Path(INDEX_OF_A_NEW_COLUMN).stem) is None
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('acme', now())")
        connection.execute(INSERT)
    assert migrate.plan(url).indexes == [INDEX_OF_A_NEW_COLUMN]

    assert migrate.apply(url).indexes == [INDEX_OF_A_NEW_COLUMN]

    assert validity(url, Path(INDEX_OF_A_NEW_COLUMN).stem) is True
    assert not migrate.plan(url)


def test_a_record_from_before_the_columns_of_evidence_has_none_of_them(
    create_database: Callable[[], str], tmp_path: Path
) -> None:
    url = create_database()
    migrate.apply(url, release_as_of(tmp_path, COLUMNS_SINCE - 1, scratch=create_database()))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('acme', now())")
        connection.execute(INSERT)
        migrate.apply(url)
        connection.execute(INSERT)

    known = "SELECT num_nonnulls(recorded_at, recorded_xid, api_key_id, context) FROM audit.audit_logs ORDER BY 1"
    assert rows(url, known) == [(0,), (2,)]
