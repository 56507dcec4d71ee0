"""Records without the functions: no statement of the attacker's own reads, changes or deletes one."""

import json
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support.attacker import (
    APPEND,
    COUNT_ALL,
    RECORDS,
    SECRET,
    Attack,
    assert_own_alone,
    assert_refused,
    attacking,
)

# All the ways of SQL to a table. EXPLAIN is among them: a plan that has run tells how many rows were left out.
READERS = [
    "SELECT * FROM {0}",
    "TABLE {0}",
    "SELECT FROM {0}",
    "SELECT count(*) FROM {0}",
    "SELECT 1 FROM {0} LIMIT 0",
    "SELECT tableoid, ctid, xmin, xmax FROM {0}",
    "SELECT t FROM {0} AS t",
    "SELECT * FROM ONLY {0} TABLESAMPLE SYSTEM (100)",
    "SELECT to_jsonb(t), t::text, row_to_json(t) FROM {0} AS t",
    "SELECT EXISTS (SELECT FROM {0})",
    "SELECT CASE WHEN now() IS NULL THEN (SELECT count(*) FROM {0}) END",
    "SELECT n FROM generate_series(1, 9) AS n LEFT JOIN {0} ON true",
    "WITH all_of_it AS MATERIALIZED (SELECT * FROM {0}) SELECT count(*) FROM all_of_it",
    "VALUES ((SELECT count(*) FROM {0}))",
    "EXPLAIN SELECT FROM {0}",
    "EXPLAIN (ANALYZE, VERBOSE, BUFFERS) SELECT FROM {0}",
    "EXPLAIN (ANALYZE) MERGE INTO {0} AS t USING (SELECT 1) AS s ON true WHEN MATCHED THEN DO NOTHING",
    "EXPLAIN (ANALYZE) DELETE FROM {0}",
    "DECLARE mine CURSOR FOR SELECT FROM {0}",
    "DECLARE mine SCROLL CURSOR WITH HOLD FOR SELECT FROM {0}",
    "PREPARE mine AS SELECT FROM {0}; EXECUTE mine",
    "COPY {0} TO STDOUT",
    "COPY (SELECT FROM {0}) TO STDOUT",
    "SELECT FROM {0} FOR UPDATE SKIP LOCKED",
    "SELECT FROM {0} FOR KEY SHARE NOWAIT",
    "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) SELECT id, 'acme', 'agent' FROM {0}",
    "DO $$ BEGIN PERFORM FROM {0}; END $$",
    "DO $$ DECLARE t {0}; BEGIN SELECT * INTO t FROM {0}; END $$",
    "SELECT * FROM ts_stat('SELECT to_tsvector(tenant_id) FROM {0}')",
    "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery FROM {0}')",
]
# Refused as well; or the server has been built without XML.
XML_READERS = [
    "SELECT table_to_xml('{0}', true, false, '')",
    "SELECT query_to_xml('TABLE {0}', true, false, '')",
    "SELECT table_to_xml_and_xmlschema('{0}', true, false, '')",
]
# {0}: the condition; {1}: the tenant.
MERGE = (
    "MERGE INTO audit.audit_logs AS l USING (SELECT 1) AS s ON {0}"
    " WHEN NOT MATCHED THEN INSERT (id, tenant_id, agent_id) VALUES (gen_random_uuid(), {1}, 'agent')"
)
# A column of a row that is written, or that stands in its way, is a column that is read.
BY_WRITING = [
    APPEND.format("'acme'") + " RETURNING id",
    APPEND.format("'acme'") + " RETURNING *",
    APPEND.format("'acme'") + " RETURNING ctid, xmin",
    APPEND.format("'acme'") + " ON CONFLICT (id) DO NOTHING",
    APPEND.format("'acme'") + " ON CONFLICT ON CONSTRAINT audit_logs_pkey DO NOTHING",
    APPEND.format("'acme'") + " ON CONFLICT (id) DO UPDATE SET error = audit_logs.error",
    "MERGE INTO audit.audit_logs AS l USING (SELECT 1) AS s ON true WHEN MATCHED THEN DO NOTHING",
    MERGE.format("l.tenant_id = 'globex'", "'acme'"),
    MERGE.format("l IS NULL", "'acme'"),
    MERGE.format("l.ctid IS NULL", "'acme'"),
    MERGE.format("false", "'acme'") + " WHEN MATCHED THEN DO NOTHING",
]
# What somebody may do one day in error; the restrictive policies are to hold all the same.
EVERYTHING = """
    GRANT SELECT, INSERT, UPDATE, DELETE ON audit.audit_logs, audit.admin_events TO audit_keyed;
    CREATE POLICY stray ON audit.audit_logs USING (true) WITH CHECK (true);
    CREATE POLICY stray ON audit.admin_events USING (true) WITH CHECK (true)"""
NOTHING_OF_IT = """
    DROP POLICY stray ON audit.audit_logs;
    DROP POLICY stray ON audit.admin_events;
    REVOKE ALL ON audit.audit_logs, audit.admin_events FROM audit_keyed;
    GRANT INSERT (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context)
        ON audit.audit_logs TO audit_keyed"""


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


@pytest.mark.parametrize("table", ["audit.audit_logs", "audit.admin_events"])
def test_no_statement_reads_a_table_itself(attack: Attack, table: str) -> None:
    with attack.request() as connection:
        for reader in READERS:
            statement = reader.format(table)
            assert "permission denied for table" in str(assert_refused(connection, statement)), statement
        for reader in XML_READERS:
            assert_refused(connection, reader.format(table), "42501", "0A000")
        attack.enter(connection)
        assert_own_alone(connection)


@pytest.mark.parametrize("statement", BY_WRITING, ids=range(len(BY_WRITING)))
def test_no_row_is_read_by_writing(attack: Attack, statement: str) -> None:
    with attack.request() as connection:
        assert_refused(connection, statement)
        connection.execute(APPEND.format("'acme'").encode())
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"] + 1


def test_merge_writes_what_insert_may_write(attack: Attack) -> None:
    with attack.request() as connection:
        assert_refused(connection, MERGE.format("false", "'globex'"))
        assert_refused(connection, MERGE.format("false", "set_config('app.tenant_id', 'globex', true)"))
        connection.execute("SELECT set_config('app.tenant_id', 'acme', true)")
        connection.execute(MERGE.format("false", "'acme'").encode())
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"] + 1


def test_no_record_is_written_in_the_name_of_another_key(attack: Attack) -> None:
    other = attack.issue_key("acme").split("_")[1]
    own = attack.keys["acme"].split("_")[1]
    write = "INSERT INTO audit.audit_logs (id, tenant_id, agent_id{}) VALUES (gen_random_uuid(), 'acme', {}{})"
    switched = "left(set_config('app.proof', '{}', true), 0) || 'agent'"
    with attack.request() as connection:
        proof = attack.value(connection, "SELECT current_setting('app.proof')")
        forged = proof.replace(own, other)
        back = f", CASE WHEN set_config('app.proof', '{proof}', true) <> '' THEN json '{{}}' END"
        for statement in (
            write.format(", api_key_id", "'agent'", f", '{other}'"),
            write.format(", recorded_at", "'agent'", ", now() - interval '1 year'"),
            write.format(", recorded_xid", "'agent'", ", '3'"),
            write.format("", switched.format(forged), ""),
            write.format(", context", switched.format(forged), back),
        ):
            assert_refused(connection, statement)
        connection.execute(write.format(", context", switched.format(proof), back).encode())
        items = json.loads(attack.value(connection, "SELECT audit.list_audit_logs()"))["items"]
    assert [item["api_key_id"] for item in items if item["context"] is not None] == [own]


def test_no_transaction_number_is_told(attack: Attack) -> None:
    with attack.request() as connection:
        for statement in ("SELECT audit.get_audit_log(%s)", "SELECT audit.list_audit_logs()"):
            found = attack.value(connection, "SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
            assert "xid" not in attack.value(connection, statement, *([found] if "%s" in statement else []))


def test_whole_schemas_in_xml_are_empty(attack: Attack) -> None:
    with attack.request() as connection:
        for function in ("schema_to_xml('audit', true, false, '')", "database_to_xml(true, false, '')"):
            try:
                with connection.transaction():
                    found = attack.value(connection, f"SELECT {function}")
            except psycopg.errors.FeatureNotSupported:
                continue
            assert "confidential" not in found
            assert "<audit>" in found or "<audit " in found


def test_nothing_is_found_by_the_values_of_a_hidden_record(attack: Attack) -> None:
    found = attack.administrator.execute(
        "SELECT id, agent_id, mode, status, http_status, user_id, error,"
        " (extract(epoch FROM created_at) * 1000000)::bigint"
        " FROM audit.audit_logs WHERE tenant_id = 'globex' LIMIT 1"
    ).fetchone()
    assert found is not None
    number, agent, mode, status, http_status, user, error, microseconds = found
    are_stored = """
        SELECT audit.are_stored(json_build_array(json_build_object(
            'id', %s::text, 'agent_id', %s::text, 'mode', %s::text, 'status', %s::text, 'http_status', %s::int,
            'user_id', %s::text, 'error', %s::text)))"""
    record = (number, agent, mode, status, http_status, user, error)
    with attack.request() as connection:
        for tenant in ("acme", "globex"):
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
            assert attack.value(connection, are_stored, *record) is False
            # With app.scope as the attacker likes it: the functions set it themselves.
            connection.execute("SELECT set_config('app.scope', 'read,write', true)")
            assert attack.value(connection, are_stored, *record) is False
        connection.execute("SELECT set_config('app.tenant_id', 'acme', true)")
        by_user = "SELECT audit.list_audit_logs(p_user_id => %s)"
        assert '"count": 0' in attack.value(connection, by_user, user)
        cursor = attack.value(
            connection,
            "SELECT audit.page_cursor(%s, %s, 'acme', 'desc', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
            " NULL)",
            microseconds + 1,
            uuid4(),
        )
        page = attack.value(connection, "SELECT audit.list_audit_logs(p_cursor => %s)", cursor)
        assert SECRET not in page
        assert f'"count": {RECORDS["acme"]}' in page
    with attack.request(tenant="globex") as connection:
        assert attack.value(connection, are_stored, *record) is True


def test_a_write_that_repeats_a_hidden_record_learns_that_the_id_is_taken_and_no_more(attack: Attack) -> None:
    taken = attack.value(attack.administrator, "SELECT id FROM audit.audit_logs WHERE tenant_id = 'globex' LIMIT 1")
    insert = "SELECT audit.insert_audit_log('agent', 'LIVE', 'error', p_error => '{0}', p_id => '{1}')"
    with attack.request() as connection:
        # The same words whatever the record holds: hence ids that nobody can guess.
        answers = {
            str(assert_refused(connection, insert.format(value, taken), "RF004")) for value in (SECRET, "another")
        }
        assert len(answers) == 1
        assert attack.value(connection, insert.format(SECRET, uuid4()))


def test_a_stray_policy_and_every_grant_let_no_record_be_changed_or_deleted(attack: Attack) -> None:
    attack.administrator.execute(EVERYTHING)
    try:
        with attack.request() as connection:
            for table in ("audit.audit_logs", "audit.admin_events"):
                for tenant in ("acme", "globex"):
                    connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
                    for statement in (
                        f"UPDATE {table} SET tenant_id = tenant_id",
                        f"UPDATE {table} SET tenant_id = 'acme' WHERE tenant_id = 'globex'",
                        f"DELETE FROM {table}",
                        f"MERGE INTO {table} AS t USING (SELECT 1) AS s ON true WHEN NOT MATCHED THEN DO NOTHING",
                    ):
                        assert connection.execute(statement.encode()).rowcount == 0, statement
                    # The policies for SELECT hold too.
                    seen = connection.execute(f"SELECT DISTINCT tenant_id FROM {table}".encode()).fetchall()
                    assert seen == ([("acme",)] if tenant == "acme" else [])
                    assert_refused(connection, APPEND.format("'globex'"))
    finally:
        attack.administrator.execute(NOTHING_OF_IT)
    with attack.request() as connection:
        assert_own_alone(connection)
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"]
