"""SQL that would change who may do what, create or destroy: all of it is refused."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.attacker import (
    Attack,
    assert_may_do_none,
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
    "UPDATE audit.api_key_uses SET last_read_at = NULL",
    "DELETE FROM audit.api_key_uses",
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
    "SELECT audit.issue_view_link('globex', 'mine', now() + interval '1 day', 60)",
    "SELECT audit.list_view_links()",
    "SELECT audit.revoke_view_link('0123456789abcdef')",
    "SELECT audit.store_api_key('0123456789abcdef', 'globex', 'mine', ARRAY['read'], NULL, NULL)",
    "SELECT audit.end_keys_of_user('globex', 'jane')",
    "SELECT audit.proven_restriction('agent_id')",
    "SELECT audit.proven_restricted_tenant('read')",
    "SELECT audit.record_admin_event('tenant created', 'acme', NULL)",
    "SELECT audit.transaction_identity()",
    "SELECT audit.tenant_proof('1', 'globex', 'read', '1', '', '1')",
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


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


@pytest.mark.parametrize(
    "statements",
    [IDENTITY, PROTECTION, DESTRUCTION, ADMINISTRATION, CREATION],
    ids=["identity", "protection", "destruction", "administration", "creation"],
)
def test_what_the_service_need_not_do_it_may_not(attack: Attack, statements: list[str]) -> None:
    assert_may_do_none(attack, statements)


def test_the_group_and_its_member_see_the_same(attack: Attack) -> None:
    with attack.request() as connection:
        connection.execute("SET LOCAL ROLE audit_keyed")
        assert_own_alone(connection)
        connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert_nothing(connection)
        connection.execute("RESET ROLE; RESET SESSION AUTHORIZATION")
        assert_nothing(connection)


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
