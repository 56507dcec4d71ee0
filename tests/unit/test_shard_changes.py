"""Numbered files on a cluster: what is handed on to shards, what each node does by itself, and what is refused."""

from pathlib import Path

import pytest

from app import shard_changes


def written(folder: Path, statement: str) -> tuple[str, str, list[str]]:
    """Return a numbered file of this text for the coordinator and for a worker, and the functions before them."""
    release = folder / "db"
    (release / "schema").mkdir(parents=True)
    (release / "schema" / "V0001__words.sql").write_text(statement)
    changes = shard_changes.write(release, ["schema/V0001__words.sql"], folder / "copies")
    here, there = ((copy / "schema" / "V0001__words.sql").read_text() for copy in (changes.coordinator, changes.worker))
    return here, there, changes.functions


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit.audit_logs ADD COLUMN note text",
        "ALTER TABLE ONLY audit.audit_logs\n    ADD COLUMN note text",
        "CREATE INDEX note_idx ON audit.audit_logs (tenant_id, note)",
        "DROP INDEX IF EXISTS audit.audit_logs_note_idx",
        "DROP POLICY nobody ON audit.audit_logs",
    ],
)
def test_a_change_of_the_table_is_handed_on_by_the_coordinator_and_left_out_on_workers(
    tmp_path: Path, statement: str
) -> None:
    here, there, _ = written(tmp_path, f"-- Why.\n{statement};   -- and how\n")
    ddl, metadata = "SET LOCAL citus.enable_ddl_propagation", "SET LOCAL citus.enable_metadata_sync"
    assert here == f"{ddl} = on;\n{metadata} = on;\n{statement};\n{metadata} = off;\n{ddl} = off;\n"
    assert there == ""


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE audit.notes (id int)",
        "ALTER TABLE audit.tenants ADD COLUMN note text",
        "COMMENT ON COLUMN audit.audit_logs.note IS 'UPDATE audit.audit_logs'",
        "GRANT SELECT (note) ON audit.audit_logs TO audit_trusted",
        "CREATE FUNCTION audit.f() RETURNS void LANGUAGE sql AS $$ DELETE FROM audit.audit_logs; SELECT $$",
    ],
)
def test_everything_else_is_done_on_each_node(tmp_path: Path, statement: str) -> None:
    assert written(tmp_path, f"{statement};\n") == (f"{statement};\n", f"{statement};\n", [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit.audit_logs SET mode = 'LIVE'",
        "DO $$ BEGIN ALTER TABLE audit.audit_logs ADD COLUMN note text; END $$",
        "CREATE TABLE audit.notes (id uuid REFERENCES audit.audit_logs (id))",
        "CREATE POLICY nobody ON audit.audit_logs USING (false)",
        "CREATE INDEX CONCURRENTLY note_idx ON audit.audit_logs (note)",
    ],
)
def test_what_cannot_be_brought_to_shards_is_refused_in_one_line(tmp_path: Path, statement: str) -> None:
    with pytest.raises(shard_changes.NotForShards) as refused:
        written(tmp_path, f"CREATE TABLE audit.notes (id int);\n{statement};\n")
    assert str(refused.value) == f"db/schema/V0001__words.sql cannot be brought to shards: {statement[:60]}"


def test_a_function_that_a_check_calls_comes_first(tmp_path: Path) -> None:
    function = "CREATE OR REPLACE FUNCTION audit.{}() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$"
    check = "ALTER TABLE audit.audit_logs ADD CONSTRAINT c CHECK (audit.called());"
    *_, functions = written(tmp_path, f"{function.format('called')};\n{function.format('not_called')};\n{check}\n")
    assert functions == [function.format("called")]
