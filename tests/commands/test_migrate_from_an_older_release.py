"""A database that comes from an older release ends exactly as one that was made new."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from app import migrate
from app.release import fingerprints, schema_version
from tests.conftest import TestDatabase
from tests.support.releases import catalogue, release_as_of

LATEST = schema_version(fingerprints())


@pytest.mark.parametrize("version", range(1, LATEST + 1))
def test_a_database_of_every_older_version_becomes_the_same_as_a_new_one(
    create_database: Callable[[], str], database: TestDatabase, tmp_path: Path, version: int
) -> None:
    old, new = create_database(), database.url("postgres")
    release = release_as_of(tmp_path, version, scratch=create_database())
    migrate.apply(old, release)
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('acme', now())")
    expected = [path for path in fingerprints() if path.startswith("schema/")][version:]

    done = migrate.apply(old)

    assert done.pending == expected
    assert catalogue(old) == catalogue(new)
    with psycopg.connect(old) as connection:
        applied = connection.execute("SELECT path, sha256 FROM pgmigrate.applied_files").fetchall()
        assert dict(applied) == fingerprints()
        assert connection.execute("SELECT count(*) FROM audit.tenants").fetchone() == (1,)


def test_the_comparison_sees_a_privilege_a_comment_and_an_owner(create_database: Callable[[], str]) -> None:
    old, new = create_database(), create_database()
    migrate.apply(old)
    migrate.apply(new)
    assert catalogue(old) == catalogue(new)

    for difference in (
        "GRANT UPDATE (error) ON audit.audit_logs TO audit_admin",
        "COMMENT ON COLUMN audit.audit_logs.error IS 'other'",
        "ALTER FUNCTION audit.uuid_v7 OWNER TO postgres",
        "ALTER TABLE audit.tenants NO FORCE ROW LEVEL SECURITY",
    ):
        before = catalogue(old)
        with psycopg.connect(old, autocommit=True) as connection:
            connection.execute(difference.encode())
        assert catalogue(old) != before
