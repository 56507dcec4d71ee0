"""Keys, hashes, the secret of the proofs and hidden records come out nowhere: no table, view, error or plan."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.attacker import COUNT_ALL, RECORDS, SECRET, Attack, assert_own_alone, assert_refused, attacking
from tests.conftest import TestDatabase

CLOSED = [
    "audit.api_keys",
    "audit.proof_secrets",
    "audit.tenant_entries",
    "audit.tenants",
    "pgmigrate.applied_files",
    "pg_authid",
    "pg_shadow",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_user_mapping",
    "pg_hba_file_rules",
    "pg_file_settings",
    "pg_subscription",
    "pg_largeobject",
]
# Whatever can be read of the catalogue and of what the server is doing.
OPEN = [
    "pg_proc",
    "pg_description",
    "pg_settings",
    "pg_db_role_setting",
    "pg_policies",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "pg_prepared_statements",
    "pg_cursors",
    "pg_stat_activity",
    "pg_locks",
    "pg_shdescription",
    "pg_seclabels",
    "information_schema.routines",
    "information_schema.columns",
]
# {0}: the tenant. Each fails, or not, depending on a value that the row must not show.
ERRORS = {
    "division": "SELECT 1 / (length(error) - length(error)) FROM audit.audit_logs WHERE tenant_id = {0}",
    "a cast": "SELECT FROM audit.audit_logs WHERE tenant_id = {0} AND error::int = 1",
    "a cast before the tenant": "SELECT FROM audit.audit_logs WHERE error::uuid IS NULL AND tenant_id = {0}",
    "a cast of the tenant": "SELECT FROM audit.audit_logs WHERE CASE tenant_id WHEN {0} THEN error::int END = 1",
    "an array": "SELECT (ARRAY[error])[1]::bigint FROM audit.audit_logs WHERE tenant_id = {0}",
    "a regular expression": "SELECT FROM audit.audit_logs WHERE 'x' ~ (error || '(') AND tenant_id = {0}",
    "a query in XML": """
        SELECT query_to_xml($$SELECT error::int FROM audit.audit_logs WHERE tenant_id = {0}$$, true, true, '')""",
    "a block": "DO $$ BEGIN PERFORM error::int FROM audit.audit_logs WHERE tenant_id = {0}; END $$",
}
# Each gives rows or a number of its own kind; nothing in it may be of globex.
READERS = [
    "SELECT * FROM audit.audit_logs",
    "TABLE audit.audit_logs",
    "SELECT * FROM ONLY audit.audit_logs WHERE tenant_id = 'globex' OR true",
    "SELECT l FROM audit.audit_logs AS l WHERE l.ctid IN ('(0,1)', '(0,2)', '(0,3)', '(0,4)', '(0,5)')",
    "SELECT * FROM audit.audit_logs TABLESAMPLE SYSTEM (100)",
    "SELECT l.* FROM audit.audit_logs AS l RIGHT JOIN generate_series(1, 9) ON true",
    "SELECT max(error), min(error), string_agg(error, ',') FROM audit.audit_logs",
    "SELECT error FROM audit.audit_logs UNION SELECT error FROM audit.audit_logs",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r, audit.audit_logs",
    "SELECT table_to_xml('audit.audit_logs', true, false, '')",
    "SELECT schema_to_xml('audit', true, false, '')",
    "SELECT query_to_xml('TABLE audit.audit_logs', true, false, '')",
    "SELECT * FROM ts_stat('SELECT to_tsvector(error) FROM audit.audit_logs')",
    "SELECT to_jsonb(l), l::text, row_to_json(l) FROM audit.audit_logs AS l",
    "SELECT audit.list_audit_logs()",
    "SELECT audit.list_admin_events()",
    "SELECT json_agg(r) FROM audit.record_rules() AS r",
    "SELECT json_agg(r) FROM audit.isolation_report() AS r",
    "EXPLAIN (VERBOSE) SELECT * FROM audit.audit_logs WHERE error > 'a'",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM audit.audit_logs WHERE error > 'a'",
]


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def test_what_holds_secrets_cannot_be_read(attack: Attack) -> None:
    with attack.request() as connection:
        for relation in CLOSED:
            assert_refused(connection, f"SELECT * FROM {relation}")
            attack.administrator.execute(f"SELECT * FROM {relation}".encode())
        assert_own_alone(connection)


def test_what_can_be_read_holds_no_secret(attack: Attack) -> None:
    secrets = attack.administrator.execute(
        "SELECT encode(inner_key, 'hex') FROM audit.proof_secrets"
        " UNION SELECT encode(outer_key, 'hex') FROM audit.proof_secrets"
        " UNION SELECT encode(secret_sha256, 'hex') FROM audit.api_keys UNION SELECT id FROM audit.api_keys"
    ).fetchall()
    hidden = [SECRET, attack.keys["globex"], *(secret for (secret,) in secrets)]
    assert attack.value(attack.administrator, "SELECT count(*) FROM pg_stats WHERE tablename = 'audit_logs'") > 0
    with attack.request() as connection:
        for relation in OPEN:
            text = str(connection.execute(f"SELECT r::text FROM {relation} AS r".encode()).fetchall())
            assert [secret for secret in hidden if secret in text] == [], relation
        assert attack.value(connection, "SELECT count(*) FROM pg_stats WHERE schemaname = 'audit'") == 0


@pytest.mark.parametrize("error", ERRORS)
def test_no_error_tells_of_a_hidden_record(attack: Attack, error: str) -> None:
    with attack.request() as connection:
        if not error.startswith("a cast before") and not error.startswith("a regular"):
            connection.execute(ERRORS[error].format("'globex'").encode())
        refused = assert_refused(connection, ERRORS[error].format("'acme'"), "22012", "22P02", "2201B")
        assert SECRET not in str(refused)
        connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        connection.execute(ERRORS[error].format("'globex'").encode())


@pytest.mark.parametrize("named", ["acme", "globex"])
def test_no_way_of_reading_shows_another_tenant(attack: Attack, named: str) -> None:
    with attack.request() as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [named])
        for reader in READERS:
            try:
                with connection.transaction():
                    found = str(connection.execute(reader.encode()).fetchall())
            except psycopg.Error as error:
                assert error.sqlstate in ("42501", "RF001"), f"{reader}: {error}"
                found = str(error)
            assert SECRET not in found, reader
            if named == "globex":
                assert "confidential" not in found, reader
        connection.execute("SELECT set_config('app.tenant_id', 'acme', true)")
        assert "acme-confidential" in str(connection.execute(READERS[0].encode()).fetchall())


def test_copy_is_filtered(attack: Attack) -> None:
    with attack.request() as connection, connection.cursor() as cursor:
        with cursor.copy("COPY audit.audit_logs TO STDOUT") as copy:
            text = b"".join(bytes(block) for block in copy).decode()
        assert text.count("acme-confidential") == RECORDS["acme"] * 2
        assert SECRET not in text


@pytest.mark.parametrize("workers", [0, 4])
def test_parallel_workers_see_no_more(attack: Attack, workers: int) -> None:
    with attack.request() as connection:
        force = "force_parallel_mode" if connection.info.server_version < 160000 else "debug_parallel_query"
        connection.execute(f"SET LOCAL {force} = on".encode())
        connection.execute(f"SET LOCAL max_parallel_workers_per_gather = {workers}".encode())
        assert_own_alone(connection)
        connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert attack.value(connection, COUNT_ALL) == 0


def test_a_refused_value_is_not_repeated_with_its_row(attack: Attack) -> None:
    taken = attack.value(attack.administrator, "SELECT id FROM audit.audit_logs WHERE tenant_id = 'globex' LIMIT 1")
    with attack.request() as connection:
        # Whoever knows an id learns that it is taken: hence ids that nobody can guess.
        insert = f"INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES ('{taken}', 'acme', 'agent')"
        error = assert_refused(connection, insert, "23505")
        assert error.diag.message_detail is None
        function = f"SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => '{taken}')"
        assert_refused(connection, function, "RF004")
        # Whether a tenant exists is not told: the policy comes before the foreign key.
        for tenant in ("globex", "nobody", ""):
            insert = (
                f"INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), '{tenant}', 'a')"
            )
            assert "row-level security" in str(assert_refused(connection, insert))


def test_other_sessions_show_their_statements_but_no_parameters(attack: Attack) -> None:
    victim, watcher = attack.session(), attack.session()

    def seen() -> str:
        return str(watcher.execute("SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall())

    with victim.transaction():
        victim.execute("SELECT audit.enter_tenant(%s)", [attack.keys["globex"]])
        assert "audit.enter_tenant($1)" in seen()
        assert attack.keys["globex"].split("_")[2] not in seen()
        # What is written into a statement is seen by every session of the role; the service sends parameters.
        victim.execute(f"SELECT 'literal {SECRET}'".encode())
        assert f"literal {SECRET}" in seen()
