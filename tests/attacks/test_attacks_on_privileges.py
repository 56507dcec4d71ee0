"""SQL that would change who may do what, create, destroy or reach the server: all of it is refused."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.attacker import (
    APPEND,
    COUNT_ALL,
    RECORDS,
    Attack,
    assert_nothing,
    assert_own_alone,
    assert_refused,
    attacking,
)

IDENTITY = [
    "SET ROLE audit_owner",
    "SET ROLE audit_admin",
    "SET ROLE audit_trusted",
    "SET ROLE audit_migrator",
    "SET ROLE postgres",
    "SET ROLE pg_read_all_data",
    "SET SESSION AUTHORIZATION postgres",
    "SET SESSION AUTHORIZATION audit_migrator",
    "SELECT set_config('role', 'audit_owner', true)",
    "SELECT set_config('session_authorization', 'postgres', true)",
    "GRANT audit_owner TO audit_app",
    "GRANT audit_trusted TO audit_app",
    "GRANT pg_read_all_data TO audit_app",
    "GRANT SELECT ON audit.api_keys TO audit_keyed",
    "GRANT EXECUTE ON FUNCTION audit.set_tenant TO audit_keyed",
    "REVOKE audit_keyed FROM audit_app",
    "ALTER ROLE audit_app BYPASSRLS",
    "ALTER ROLE audit_app SUPERUSER",
    "ALTER ROLE audit_app CREATEROLE",
    "ALTER ROLE audit_keyed SET app.tenant_id = 'globex'",
    "ALTER ROLE ALL SET app.tenant_id = 'globex'",
    "ALTER ROLE postgres PASSWORD 'known'",
    "CREATE ROLE accomplice",
    "DROP ROLE audit_migrator",
    "REASSIGN OWNED BY audit_owner TO audit_app",
    "DROP OWNED BY audit_owner",
    "ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner GRANT ALL ON TABLES TO PUBLIC",
]
PROTECTION = [
    "ALTER TABLE audit.audit_logs DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE audit.audit_logs NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE audit.audit_logs OWNER TO audit_app",
    "ALTER TABLE audit.audit_logs DISABLE TRIGGER ALL",
    "ALTER TABLE audit.audit_logs DROP CONSTRAINT audit_logs_tenant_id_form",
    "CREATE POLICY opened ON audit.audit_logs USING (true)",
    "DROP POLICY keyed_reads_only_proven_tenant ON audit.audit_logs",
    "ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs USING (true)",
    "ALTER FUNCTION audit.proven_tenant SECURITY INVOKER",
    "ALTER FUNCTION audit.enter_tenant RESET ALL",
    "CREATE OR REPLACE FUNCTION audit.proven_tenant(p_scope text) RETURNS text LANGUAGE sql AS $x$ SELECT 'globex' $x$",
    "DROP FUNCTION audit.proven_tenant",
    "ALTER SCHEMA audit RENAME TO audited",
    "COMMENT ON TABLE audit.audit_logs IS 'nothing'",
    "SET session_replication_role = replica",
]
DESTRUCTION = [
    "DELETE FROM audit.audit_logs",
    "DELETE FROM audit.audit_logs WHERE tenant_id = 'acme'",
    "UPDATE audit.audit_logs SET error = 'forged'",
    "UPDATE audit.audit_logs SET tenant_id = 'globex'",
    "TRUNCATE audit.audit_logs",
    "TRUNCATE audit.tenants CASCADE",
    "DROP TABLE audit.audit_logs",
    "DROP SCHEMA audit CASCADE",
    "DROP INDEX audit.audit_logs_pkey",
    "MERGE INTO audit.audit_logs AS l USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) SELECT id, tenant_id, agent_id FROM audit.audit_logs"
    " ON CONFLICT (id) DO UPDATE SET error = 'forged'",
    "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)"
    " VALUES (gen_random_uuid(), 'acme', 'agent', '2001-01-01 00:00:00+00')",
    "SELECT FROM audit.audit_logs FOR UPDATE",
    "SELECT FROM audit.audit_logs FOR KEY SHARE",
    "LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE audit.audit_logs IN SHARE MODE",
    "DELETE FROM audit.api_keys",
    "DELETE FROM audit.proof_secrets",
    "DELETE FROM audit.tenant_entries",
    "DELETE FROM audit.admin_events",
    "INSERT INTO audit.tenants (id, created_at) VALUES ('mine', now())",
]
ADMINISTRATION = [
    "SELECT audit.set_tenant('globex')",
    "SELECT audit.create_tenant('mine')",
    "SELECT audit.list_tenants()",
    "SELECT audit.issue_api_key('globex', 'mine')",
    "SELECT audit.list_api_keys()",
    "SELECT audit.rotate_api_key('0123456789abcdef')",
    "SELECT audit.revoke_api_key('0123456789abcdef')",
    "SELECT audit.rotate_proof_secret()",
    "SELECT audit.record_admin_event('tenant created', 'acme', NULL)",
    "SELECT audit.transaction_identity()",
    "SELECT audit.tenant_proof('1', 'globex', 'read', '1', '1')",
    "SELECT FROM pgmigrate.applied_files",
    "SELECT pgmigrate.record_applied_file('schema/V9999__x.sql', NULL)",
]
CREATION = [
    "CREATE SCHEMA mine",
    "CREATE TABLE audit.mine (id int)",
    "CREATE TABLE public.mine (id int)",
    "CREATE TEMPORARY TABLE audit_logs (id int)",
    "SELECT * INTO TEMPORARY mine FROM audit.audit_logs",
    "CREATE TEMPORARY VIEW mine AS SELECT 1",
    "CREATE VIEW public.mine AS TABLE audit.audit_logs",
    "CREATE MATERIALIZED VIEW public.mine AS TABLE audit.audit_logs",
    "CREATE FUNCTION public.leak(text) RETURNS boolean COST 0.0001 LANGUAGE sql AS 'SELECT true'",
    "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.0001 LANGUAGE sql AS 'SELECT true'",
    "CREATE FUNCTION audit.leak(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = textlike)",
    "CREATE CAST (text AS uuid) WITH INOUT AS IMPLICIT",
    "CREATE AGGREGATE public.leak (text) (SFUNC = textcat, STYPE = text)",
    'CREATE COLLATION public.equal FROM "C"',
    "CREATE TYPE public.mine AS ENUM ('a')",
    "CREATE DOMAIN public.mine AS text",
    "CREATE SEQUENCE public.mine",
    "CREATE TRIGGER leak AFTER INSERT ON audit.audit_logs EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE EVENT TRIGGER leak ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE leak AS ON INSERT TO audit.audit_logs DO ALSO NOTHING",
    "CREATE INDEX mine ON audit.audit_logs (error)",
    "CREATE STATISTICS public.mine ON tenant_id, error FROM audit.audit_logs",
    "CREATE FOREIGN DATA WRAPPER mine",
    "CREATE PUBLICATION mine FOR TABLE audit.audit_logs",
    "LOAD 'auto_explain'",
    "ALTER DATABASE postgres SET app.tenant_id = 'globex'",
]
SERVER = [
    "COPY audit.audit_logs FROM '/dev/null'",
    "COPY audit.audit_logs TO '/tmp/stolen'",
    "COPY audit.audit_logs TO PROGRAM 'cat'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_ls_logdir()",
    "SELECT pg_ls_waldir()",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_creat(-1), '/tmp/stolen')",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('mine')",
    "SELECT pg_backup_start('mine')",
    "SELECT pg_create_physical_replication_slot('mine')",
    "SELECT pg_create_logical_replication_slot('mine', 'test_decoding')",
    "SELECT pg_logical_slot_get_changes('mine', NULL, NULL)",
    "SELECT pg_replication_origin_create('mine')",
    "SELECT pg_stat_reset()",
    "SELECT pg_stat_reset_single_table_counters('audit.audit_logs'::regclass)",
    "SELECT pg_ls_tmpdir()",
    "SELECT pg_hba_file_rules()",
    "SELECT pg_current_logfile()",
    "SELECT pg_get_backend_memory_contexts()",
    "SELECT pg_get_shmem_allocations()",
    "SELECT pg_log_backend_memory_contexts(pg_backend_pid())",
    "SELECT pg_promote()",
    "SELECT lo_put(lo_import('PG_VERSION'), 0, '')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "SET log_statement = 'all'",
    "SET log_min_messages = debug5",
    "SET log_min_error_statement = debug5",
    "SET log_parameter_max_length = -1",
    "SET track_functions = 'all'",
    "SET compute_query_id = on",
    "SET jit_dump_bitcode = on",
    "SET backtrace_functions = 'errmsg'",
    "SET plpgsql.variable_conflict = 'use_column'",
    "SET session_preload_libraries = 'auto_explain'",
    "SET zero_damaged_pages = on",
    "SET allow_system_table_mods = on",
    "UPDATE pg_class SET relrowsecurity = false WHERE relname = 'audit_logs'",
]
# What cannot stand in a transaction, so that it is tried beside one.
ALONE = [
    "ALTER SYSTEM SET row_security = off",
    "CREATE DATABASE mine",
    "CREATE TABLESPACE mine LOCATION '/tmp'",
    "CREATE SUBSCRIPTION mine CONNECTION 'dbname=postgres' PUBLICATION mine",
    "REINDEX TABLE audit.audit_logs",
    "CLUSTER audit.audit_logs USING audit_logs_pkey",
    "VACUUM FULL pg_authid, audit.audit_logs",
]
# What is not there at all, on one server or another.
ABSENT = [
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "CREATE EXTENSION pgcrypto",
    "CREATE LANGUAGE plpython3u",
    "SELECT dblink('dbname=postgres', 'SELECT 1')",
    "SELECT pg_file_write('mine', 'x', false)",
    "DO LANGUAGE plpython3u 'pass'",
    "COPY audit.audit_logs FROM STDIN",
    "SET row_security = off; SELECT FROM audit.audit_logs",
    "SELECT pg_last_committed_xact()",
    "SELECT pg_restore_relation_stats('schemaname', 'audit', 'relname', 'audit_logs', 'reltuples', 1::real)",
    "SELECT pg_clear_attribute_stats('audit', 'audit_logs', 'tenant_id', false)",
    "SELECT pgstattuple('audit.audit_logs')",
    "SELECT get_raw_page('audit.audit_logs', 0)",
    "SELECT * FROM pg_stat_statements",
]


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


@pytest.mark.parametrize(
    "statements",
    [IDENTITY, PROTECTION, DESTRUCTION, ADMINISTRATION, CREATION, SERVER],
    ids=["identity", "protection", "destruction", "administration", "creation", "server"],
)
def test_what_the_service_need_not_do_it_may_not(attack: Attack, statements: list[str]) -> None:
    with attack.request() as connection:
        for statement in statements:
            assert_refused(connection, statement)
            # Nor in a block of a procedural language, which anybody may write.
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(
                    b"DO $block$ BEGIN EXECUTE $statement$" + statement.encode() + b"$statement$; END $block$"
                )
            attack.enter(connection)  # a proof lasts five seconds, and a busy machine may take longer
            assert_own_alone(connection)
        connection.execute(APPEND.format("'acme'").encode())
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"] + 1


def test_nor_may_it_where_no_transaction_is_open(attack: Attack) -> None:
    session = attack.session()
    for statement in ALONE[:-1]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement.encode())
    # VACUUM warns of what it leaves out, and does the rest.
    warnings: list[str] = []
    session.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
    session.execute(ALONE[-1].encode())
    assert len(warnings) == 2
    assert all("permission denied" in warning or "skipping" in warning for warning in warnings)
    with attack.request(session) as connection:
        assert_own_alone(connection)


def test_what_would_help_is_absent(attack: Attack) -> None:
    with attack.request() as connection:
        for statement in ABSENT:
            with pytest.raises(psycopg.Error), connection.transaction():
                connection.execute(statement.encode())
            attack.enter(connection)
            assert_own_alone(connection)


def test_the_group_and_its_member_see_the_same(attack: Attack) -> None:
    with attack.request() as connection:
        connection.execute("SET LOCAL ROLE audit_keyed")
        assert_own_alone(connection)
        connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert_nothing(connection)
        connection.execute("RESET ROLE; RESET SESSION AUTHORIZATION")
        assert_nothing(connection)


@pytest.mark.parametrize("replication", ["database", "true"])
def test_the_service_cannot_replicate(attack: Attack, replication: str) -> None:
    attack.session().execute("SELECT")
    with pytest.raises(psycopg.OperationalError, match=r"replication|WAL sender"):
        attack.session(replication=replication)


def test_what_the_service_stores_with_itself_opens_no_tenant(attack: Attack, create_role: CreateRole) -> None:
    # Any role may store settings with itself, and change its password. That can keep the service from working, and the
    # isolation report says so; it shows nothing of another tenant.
    role = create_role(member_of=("audit_keyed",))
    session = attack.session(role)
    assert_refused(session, f"ALTER ROLE {role} SET app.tenant_id = 'globex'")
    stored = {
        "search_path": "public",
        "row_security": "off",
        "synchronous_commit": "off",
        "default_transaction_isolation": "serializable",
    }
    report = "SELECT string_agg(findings, '; ') FROM audit.isolation_report()"
    assert attack.value(attack.session(role), report) is None
    for name, value in stored.items():
        session.execute(f"ALTER ROLE {role} SET {name} = {value}".encode())
        assert f"{name}={value}" in attack.value(attack.session(role), report)
    session = attack.session(role)
    with pytest.raises(psycopg.Error) as refused, attack.request(session):
        pass
    assert refused.value.sqlstate == "25000"
    session.execute("SET default_transaction_isolation = 'read committed'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), attack.request(session):
        pass
    session.execute("SET row_security = on")
    assert_nothing(session)
    with attack.request(session) as connection:
        assert_own_alone(connection)
        connection.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        assert attack.value(connection, "SHOW synchronous_commit") == "on"
