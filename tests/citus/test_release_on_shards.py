"""`make distribute` brings a release with a new numbered file to shards, or refuses it with nothing changed."""

import json
import shutil
from pathlib import Path

import psycopg
import pytest

from app import migrate
from app.distribute import DistributionRefused, distribute
from app.release import DATABASE_DIRECTORY, fingerprints, schema_version
from tests.citus.conftest import SHARDS, Distributed

INSERT = "SELECT audit.insert_audit_log('agent', 'LIVE', 'success')"
LIST = "SELECT audit.list_audit_logs()"
CHANGE = """
-- A CHECK calls it.
CREATE OR REPLACE FUNCTION audit.is_note(p_note text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN length(p_note) < 10; END $$;
GRANT EXECUTE ON FUNCTION audit.is_note TO audit_trusted;
ALTER TABLE audit.audit_logs ADD COLUMN note text;   -- of whoever
ALTER TABLE audit.audit_logs ADD CONSTRAINT audit_logs_note_form CHECK (note IS NULL OR audit.is_note(note));
COMMENT ON COLUMN audit.audit_logs.note IS 'A note.';
CREATE INDEX audit_logs_note_idx ON audit.audit_logs (tenant_id, note);
CREATE TABLE audit.notes (id int CONSTRAINT notes_pkey PRIMARY KEY);
"""
POLICIES = """
GRANT SELECT (note) ON audit.audit_logs TO audit_keeper;
DROP POLICY IF EXISTS nobody_notes ON audit.audit_logs;
CREATE POLICY nobody_notes ON audit.audit_logs FOR SELECT TO audit_signer USING (false);
"""
OF_SHARDS = r"""
SELECT has_column_privilege('audit_keeper', c.oid, 'note', 'SELECT'),
       (SELECT count(*) FROM pg_constraint AS o WHERE o.conrelid = c.oid AND o.conname ~ '^audit_logs_note_form'),
       (SELECT count(*) FROM pg_indexes AS i WHERE i.tablename = c.relname AND i.indexname ~ '^audit_logs_note_idx'),
       (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'nobody_notes')
FROM pg_class AS c WHERE c.relname ~ '^audit_logs_\d+$' AND c.relkind = 'r'
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of this release, to add to."""
    shutil.copy(DATABASE_DIRECTORY.parent / "pgmigrate.yml", tmp_path)
    return Path(shutil.copytree(DATABASE_DIRECTORY, tmp_path / "db", symlinks=True))


def add(release: Path, text: str, policies: str = "") -> None:
    """Add a numbered file, and policies."""
    number = schema_version(fingerprints(release)) + 1
    (release / "schema" / f"V{number:04}__change.sql").write_text(text)
    with (release / "policies" / "audit_logs.sql").open("a") as page:
        page.write(policies)


def count(distributed: Distributed, way: str) -> int:
    return int(json.loads(getattr(distributed, way)("acme", LIST))["count"])


def of_shards(distributed: Distributed, statement: str) -> list[tuple[object, ...]]:
    """Return the rows of a statement on each worker, which sees its shards."""
    rows = []
    for node in ("worker_1", "worker_2"):
        with distributed.cluster.connect(node=node) as superuser:
            superuser.execute("SET citus.override_table_visibility = off")
            rows += superuser.execute(statement.encode()).fetchall()
    return rows


def test_a_file_that_would_change_records_is_refused_and_nothing_is_closed(
    distributed: Distributed, release: Path
) -> None:
    add(release, "UPDATE audit.audit_logs SET mode = 'LIVE';\n")
    with pytest.raises(DistributionRefused, match=r"__change.sql cannot be brought to shards: UPDATE audit.audit_logs"):
        distribute(distributed.cluster.url(), SHARDS, release)
    distributed.keyed("acme", INSERT)


def test_a_file_that_citus_refuses_changes_nothing_and_the_release_before_opens_the_cluster_again(
    distributed: Distributed, release: Path
) -> None:
    add(release, "CREATE TABLE audit.lost (id int);\nALTER TABLE audit.audit_logs DROP COLUMN tenant_id;\n")
    with pytest.raises(migrate.MigrationRefused, match="partition column"):
        distribute(distributed.cluster.url(), SHARDS, release)
    assert distributed.call("postgres", ("SELECT to_regclass('audit.lost')", [])) is None
    distribute(distributed.cluster.url(), SHARDS)
    distributed.keyed("acme", INSERT)


def test_a_new_column_constraint_index_policy_and_table_reach_every_node(
    distributed: Distributed, release: Path
) -> None:
    add(release, CHANGE, POLICIES)
    distributed.keyed("acme", INSERT)
    distributed.named("acme", INSERT)
    before = count(distributed, "keyed")

    # A run that fails at a worker is ended by the next.
    distributed.call("postgres", ("CREATE TABLE audit.notes ()", []), node="worker_2")
    with pytest.raises(Exception, match="notes"):
        distribute(distributed.cluster.url(), SHARDS, release)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        distributed.keyed("acme", INSERT)
    distributed.call("postgres", ("DROP TABLE audit.notes", []), node="worker_2")
    assert distribute(distributed.cluster.url(), SHARDS, release)[0] == "node 0: up to date"

    assert of_shards(distributed, OF_SHARDS) == [(True, 1, 1, 1)] * SHARDS
    for node in distributed.cluster.ports:
        assert distributed.call("postgres", ("SELECT to_regclass('audit.notes')::text", []), node=node) == "audit.notes"
    assert count(distributed, "keyed") == count(distributed, "named") == before
    for way in ("keyed", "named"):
        getattr(distributed, way)("acme", INSERT)
        assert json.loads(getattr(distributed, way)("globex", LIST))["count"] == 0
    assert count(distributed, "keyed") == before + 2
    assert distribute(distributed.cluster.url(), SHARDS, release) == [
        f"node {number}: up to date" for number in range(3)
    ]


def test_an_index_that_is_missing_is_built_on_every_shard(distributed: Distributed, release: Path) -> None:
    name = "audit_logs_tenant_id_mode_created_at_id_idx"
    add(release, CHANGE, POLICIES)
    there = f"SELECT count(*) FROM pg_indexes AS i WHERE i.indexname ~ '^{name[:30]}' AND i.tablename ~ '\\d$'"
    distributed.call("postgres", (f"DROP INDEX audit.{name}", []))
    assert of_shards(distributed, there) == [(0,)] * 2
    distribute(distributed.cluster.url(), SHARDS, release)
    assert sum(number for (number,) in of_shards(distributed, there) if isinstance(number, int)) == SHARDS
