"""The psql walk-throughs: each prints what docs/verify-with-psql.md shows, and fails where it should."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.pages import ROOT
from tests.support.sealing import sealed_and_signed
from tests.support.shell import Shell


def run_verify_sql(
    database: TestDatabase, role: str = "audit_app", options: Sequence[str] = (), file: str = "db/verify.sql"
) -> tuple[int, str]:
    """Run a walk-through as `make verify-sql` does; return psql's exit status and all it printed."""
    done = subprocess.run(
        [
            Path(os.environ["POSTGRESQL_BINARIES"]) / "psql",
            "-X",
            "-q",
            *options,
            "-f",
            file,
            database.url(role),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, "\n".join(line.rstrip() for line in done.stdout.splitlines())


@pytest.mark.usefixtures("api_keys")
def test_the_psql_steps_pass_and_print_what_is_shown(database: TestDatabase) -> None:
    (expected,) = pages.shown("docs/verify-with-psql.md", "Steps")
    assert run_verify_sql(database) == (0, expected.rstrip("\n"))
    assert database.administrator.execute("SELECT count(*) FROM audit.audit_logs").fetchone() == (0,)


def write_and_sign(database: TestDatabase, records: int) -> None:
    with psycopg.connect(database.url()) as connection:
        connection.execute("SELECT audit.set_tenant('acme')")
        for _ in range(records):
            connection.execute("SELECT audit.insert_audit_log('kyc', 'LIVE', 'success')")
    sealed_and_signed(database)


@pytest.mark.usefixtures("api_keys")
@pytest.mark.parametrize("records", [1, 2, 3, 5, 8, 60])
def test_a_root_is_recomputed_from_the_proof_of_a_record(database: TestDatabase, records: int) -> None:
    write_and_sign(database, records)
    status, output = run_verify_sql(database)
    assert status == 0
    assert "c2sp.org/tlog-proof@v1" in output
    assert "PASS  its leaf and the hashes beside its way lead to the root in the checkpoint" in output


@pytest.mark.usefixtures("api_keys")
def test_the_psql_steps_fail_where_a_sealed_record_was_changed(database: TestDatabase) -> None:
    write_and_sign(database, 3)
    database.execute("SET session_replication_role = replica; UPDATE audit.audit_logs SET agent_id = 'other'")
    status, output = run_verify_sql(database)
    assert status == 3
    assert "FAIL  its leaf and the hashes beside its way lead to the root in the checkpoint" in output


@pytest.mark.usefixtures("api_keys")
def test_the_psql_steps_fail_where_isolation_is_broken(database: TestDatabase) -> None:
    database.administrator.execute("ALTER TABLE audit.audit_logs DISABLE ROW LEVEL SECURITY")
    status, output = run_verify_sql(database)
    assert status == 3
    assert "FAIL  a record in the other tenant's name is refused" in output
    assert "FAIL  a record in the other tenant's name is refused (00000)" in output
    assert "FAIL  every rule is intact" in output
    assert database.administrator.execute("SELECT count(*) FROM audit.audit_logs").fetchone() == (0,)


def test_the_psql_steps_pass_for_a_role_that_names_its_tenant(database: TestDatabase, gateway: str) -> None:
    status, output = run_verify_sql(database, gateway)
    assert status == 0
    assert re.search(r"^PASS  \d+ steps as gateway$", output, re.MULTILINE)
    assert "PASS  a name that is not registered is refused (RF002)" in output
    assert database.administrator.execute("SELECT count(*) FROM audit.audit_logs").fetchone() == (0,)


def test_the_psql_steps_want_keys_of_two_tenants(
    database: TestDatabase, api_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("", "rf_", api_keys["GLOBEX_API_KEY"]):
        monkeypatch.setenv("ACME_API_KEY", value)
        status, output = run_verify_sql(database)
        assert status == 3
        assert "FAIL  audit_app needs API keys of two tenants in ACME_API_KEY and GLOBEX_API_KEY" in output


def test_the_psql_steps_put_no_key_into_the_servers_log(database: TestDatabase, api_keys: dict[str, str]) -> None:
    setting = "SELECT setting FROM pg_settings WHERE name = 'log_min_error_statement'"
    assert database.administrator.execute(setting).fetchone() == ("error",)  # the statements that are refused
    _, output = run_verify_sql(database, options=["-b"])  # psql prints those too
    assert "STATEMENT:  SELECT audit.enter_tenant" in output
    assert not any(key in output for key in api_keys.values())


def test_the_psql_steps_refuse_a_role_that_would_prove_nothing(database: TestDatabase) -> None:
    status, output = run_verify_sql(database, "postgres")
    assert status == 3
    assert output.startswith("FAIL  run this as audit_app, not as postgres")


def run_retention(database: TestDatabase, role: str = "postgres") -> tuple[int, str]:
    return run_verify_sql(database, role, file="db/verify_retention.sql")


def test_the_steps_of_retention_pass_print_what_is_shown_and_leave_eight_records(database: TestDatabase) -> None:
    (expected,) = pages.shown("docs/verify-with-psql.md", "Retention")
    assert run_retention(database) == (0, expected.rstrip("\n"))
    tables = ("audit_logs", "retention", "legal_holds", "pruned_ids")
    left = [database.execute(f"SELECT count(*) FROM audit.{table}") for table in tables]
    assert left == [[(8,)], [(0,)], [(0,)], [(0,)]]


def test_the_steps_of_retention_can_be_repeated(database: TestDatabase) -> None:
    assert [run_retention(database)[0] for _ in range(2)] == [0, 0]


def test_the_steps_of_retention_fail_where_holds_do_not_hold(database: TestDatabase) -> None:
    database.execute(
        "CREATE OR REPLACE FUNCTION audit.held_records(p_tenant_id text, p_ids uuid[]) RETURNS uuid[]"
        " LANGUAGE sql STABLE RETURN ARRAY[]::uuid[]"
    )
    status, output = run_retention(database)
    assert status == 3
    assert "FAIL  and is gone; what is held is there, and what is too young" in output


def test_the_steps_of_retention_fail_where_an_erasure_changes_the_tree(database: TestDatabase) -> None:
    database.execute(
        "CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.leaf_hash := sha256('other'); RETURN NEW; END $$;"
        "CREATE TRIGGER changed BEFORE UPDATE ON audit.seals FOR EACH ROW EXECUTE FUNCTION changed();"
        "GRANT EXECUTE ON FUNCTION changed() TO audit_keeper"
    )
    status, output = run_retention(database)
    assert status == 3
    assert "FAIL  the leaves lead to the root of before: every old checkpoint and proof holds" in output


def test_the_steps_of_retention_want_a_superuser(database: TestDatabase) -> None:
    status, output = run_retention(database, "audit_gateway")
    assert status == 3
    assert output.startswith("FAIL  run this as a superuser")
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(0,)]


def test_the_command_of_the_page_for_retention_passes(shell: Shell, database: TestDatabase) -> None:
    (block,) = pages.commands("docs/verify-with-psql.md", "Retention")
    shell.variables["SUPERUSER_URL"] = database.url("postgres")
    assert re.search(r"^PASS  \d+ steps as postgres$", shell.run(block), re.MULTILINE)


def test_the_command_of_the_page_passes(shell: Shell, api_keys: dict[str, str]) -> None:
    (block,) = pages.commands("docs/verify-with-psql.md", "Steps")
    shell.variables |= api_keys
    assert re.search(r"^PASS  \d+ steps as audit_app$", shell.run(block), re.MULTILINE)


@pytest.mark.usefixtures("api_keys")
@pytest.mark.parametrize(("role", "status"), [("audit_app", 0), ("postgres", 2)])
def test_on_a_database_of_ones_own_the_last_line_says_what_was_left_out(
    role: str, status: int, database: TestDatabase, tmp_path: Path
) -> None:
    printed = Shell(tmp_path, {"DATABASE_URL": database.url(role)}).run("make verify-sql", status=status)
    assert printed.splitlines()[-1] == (
        "LEFT OUT  retention: it needs a superuser and writes records that stay: "
        'psql -X -q -f db/verify_retention.sql "$SUPERUSER_URL"'
    )
