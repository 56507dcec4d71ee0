-- Proves: audit.isolation_report() goes red for a run-time role that could become more than it should be, and names what
-- makes it so. The role is one made here, so that no role of the cluster is held locked; it is what an operator would make.

BEGIN;
SELECT plan(67);

CREATE ROLE tap_service LOGIN IN ROLE audit_trusted;
CREATE ROLE tap_keyed LOGIN IN ROLE audit_keyed;
\ir ../support/registrar.sql
CREATE ROLE tap_nobody LOGIN;

SET LOCAL tap.login = 'tap_service';
\ir ../support/findings.sql

SET LOCAL SESSION AUTHORIZATION tap_service;
SELECT is_empty('SELECT * FROM audit.isolation_report() WHERE NOT intact', 'a member of audit_trusted finds every rule intact');
SET LOCAL SESSION AUTHORIZATION tap_keyed;
SELECT is_empty('SELECT * FROM audit.isolation_report() WHERE NOT intact', 'so does a member of audit_keyed');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is_empty('SELECT * FROM audit.isolation_report() WHERE NOT intact', 'and a member of audit_admin');
SET LOCAL SESSION AUTHORIZATION tap_nobody;
SELECT throws_ok('SELECT * FROM audit.isolation_report()', '42501', 'permission denied for schema audit',
    'a stranger cannot ask');
RESET SESSION AUTHORIZATION;

\set rule 'the role has no power over row-level security'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'powers: nothing is found when nothing is given');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service BYPASSRLS'), 'tap_service has BYPASSRLS', 'BYPASSRLS');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service SUPERUSER'), 'tap_service is SUPERUSER', 'SUPERUSER');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service CREATEROLE'), 'tap_service has CREATEROLE', 'CREATEROLE');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service CREATEDB'), 'tap_service has CREATEDB', 'CREATEDB');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service REPLICATION'), 'tap_service has REPLICATION',
    'REPLICATION, which decodes every tenant''s records from the log');
SELECT is(pg_temp.findings(:'rule', 'CREATE ROLE tap_power BYPASSRLS; GRANT tap_power TO tap_service'),
    'tap_power has BYPASSRLS', 'a power of a role that it could become');
SELECT is(pg_temp.findings(:'rule',
        'CREATE ROLE tap_power BYPASSRLS; GRANT tap_power TO tap_service; ALTER ROLE tap_service NOINHERIT;
         GRANT USAGE ON SCHEMA audit TO tap_service; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA audit TO tap_service'),
    'tap_power has BYPASSRLS', 'even when it would have to say so first');

\set rule 'the role is a member of one group, and of nothing else'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'memberships: nothing is found when nothing is given');
SELECT is(pg_temp.findings(:'rule', 'GRANT audit_owner TO tap_service'),
    'tap_service is a member of audit_keeper, audit_owner, audit_trusted', 'membership in the owner');
SELECT is(pg_temp.findings(:'rule', 'GRANT pg_write_all_data TO tap_service'),
    'tap_service is a member of audit_trusted, pg_write_all_data', 'membership in pg_write_all_data');
SELECT is(pg_temp.findings(:'rule', 'GRANT audit_admin TO tap_service'),
    'tap_service is a member of audit_admin, audit_trusted', 'membership in two groups');
SELECT is(pg_temp.findings(:'rule', 'GRANT audit_keyed TO tap_service'),
    'tap_service is a member of audit_keyed, audit_trusted', 'membership in the group that proves and in the one that names');
SELECT is(pg_temp.findings(:'rule',
    'CREATE ROLE tap_between IN ROLE pg_execute_server_program; GRANT tap_between TO tap_service'),
    'tap_service is a member of audit_trusted, pg_execute_server_program, tap_between', 'membership by a detour');
SELECT is(pg_temp.findings(:'rule',
        'REVOKE audit_trusted FROM tap_service; CREATE ROLE tap_other; GRANT tap_other TO tap_service;
         GRANT USAGE ON SCHEMA audit TO tap_other; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA audit TO tap_other'),
    'tap_service is a member of tap_other', 'membership in one group, but not one of ours');
SELECT is(pg_temp.findings(:'rule',
        'REVOKE audit_trusted FROM tap_service; GRANT USAGE ON SCHEMA audit TO tap_service;
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA audit TO tap_service'),
    'tap_service is a member of nothing', 'membership in no group');

\set rule 'the role owns nothing here'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'ownership: nothing is found when nothing is given');
SELECT alike(pg_temp.findings(:'rule', 'GRANT audit_owner TO tap_service'), '%audit_owner owns audit.audit_logs;%',
    'a role that could become the owner owns all');

\set rule 'no setting is stored but the intended ones'
SELECT is(pg_temp.findings(:'rule', format('ALTER ROLE tap_service SET %s', setting)), 'intact',
    'stored settings: a login may have the bounds that audit_app has: ' || setting)
FROM (VALUES ('statement_timeout = ''15s'''), ('lock_timeout = ''5s'''), ('idle_in_transaction_session_timeout = ''15s''')) AS s (setting);
SELECT is(pg_temp.findings(:'rule', format('ALTER ROLE %s SET %s = %L', role, split_part(setting, '=', 1), split_part(setting, '=', 2))),
    format('%s, for %s in every database', setting, role), format('but not %s with %s', setting, role))
FROM (VALUES ('tap_service', 'statement_timeout=1ms'), ('tap_service', 'statement_timeout=0'), ('tap_service', 'lock_timeout=1ms'),
             ('tap_service', 'idle_in_transaction_session_timeout=0'), ('tap_service', 'transform_null_equals=on'),
             ('tap_service', 'work_mem=64kB'), ('tap_service', 'plpgsql.extra_errors=all'), ('tap_service', 'enable_indexscan=off'),
             ('audit_trusted', 'work_mem=64kB'), ('audit_trusted', 'statement_timeout=15s'), ('audit_migrator', 'lock_timeout=1h'),
             ('audit_admin', 'search_path=public'), ('audit_owner', 'role=postgres')) AS stored (role, setting);
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE audit_app SET lock_timeout = ''6s'''),
    'lock_timeout=6s, for audit_app in every database; run: ALTER ROLE audit_app SET lock_timeout = ''5s''', 'another bound of audit_app');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE audit_app RESET statement_timeout'),
    'run: ALTER ROLE audit_app SET statement_timeout = ''15s''', 'or none');
SELECT is(pg_temp.findings(:'rule', format('ALTER DATABASE %I SET %s', current_database(), setting)), 'intact',
    'a DBA may set for a database: ' || setting)
FROM (VALUES ('timezone = ''Asia/Kathmandu'''), ('DateStyle = ''German'''), ('log_lock_waits = on'), ('work_mem = ''64MB'''), ('jit = off'))
    AS s (setting);
SELECT alike(pg_temp.findings(:'rule', format('ALTER DATABASE %I SET %s = %L', current_database(), split_part(setting, '=', 1), split_part(setting, '=', 2))),
    setting || ', for every role in %', 'but not: ' || setting)
FROM (VALUES ('statement_timeout=15s'), ('statement_timeout=1ms'), ('log_statement=all'), ('log_min_duration_statement=0'),
             ('quote_all_identifiers=on'), ('transform_null_equals=on'), ('default_table_access_method=heap')) AS s (setting);
SELECT is(pg_temp.findings(:'rule', $$ALTER ROLE tap_service SET app.tenant_id = 'tap-a'$$),
    'app.tenant_id=tap-a, for tap_service in every database', 'a tenant stored with the role');
SELECT is(pg_temp.findings(:'rule',
    'SET LOCAL SESSION AUTHORIZATION tap_service; ALTER ROLE tap_service SET search_path = tap_a'),
    'search_path=tap_a, for tap_service in every database',
    'a search_path that the role stored with itself, which every role may');
SELECT is(pg_temp.findings(:'rule', $$ALTER ROLE tap_service SET search_path = 'tap_a'$$),
    'search_path=tap_a, for tap_service in every database', 'a search_path stored with the role');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service SET row_security = off'),
    'row_security=off, for tap_service in every database', 'row_security stored with the role');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service SET role = audit_trusted'),
    'role=audit_trusted, for tap_service in every database', 'another role stored with the role');
SELECT is(pg_temp.findings(:'rule',
    format('ALTER ROLE tap_service SET %I = %L', split_part(setting, '=', 1), split_part(setting, '=', 2))),
    setting || ', for tap_service in every database', said)
FROM (VALUES
    ('synchronous_commit=off', 'a COMMIT that does not wait for the disk'),
    ('default_transaction_isolation=repeatable read', 'transactions in which no tenant can be entered'),
    ('default_transaction_read_only=on', 'transactions in which nothing can be written'),
    ('default_transaction_deferrable=on', 'transactions that wait'),
    ('debug_print_plan=on', 'plans in the server''s log, with the keys that are in them'),
    ('log_parameter_max_length_on_error=-1', 'keys in the server''s log when they are refused')) AS stored (setting, said);
SELECT is(pg_temp.findings(:'rule',
    'SET LOCAL SESSION AUTHORIZATION tap_service; ALTER ROLE tap_service SET SYNCHRONOUS_COMMIT = local'),
    'synchronous_commit=local, for tap_service in every database', 'also when the role stored it with itself');
SELECT alike(pg_temp.findings(:'rule', format('ALTER DATABASE %I SET synchronous_commit = off', current_database())),
    'synchronous_commit=off, for every role in %', 'or when it is stored with the database');
SELECT alike(pg_temp.findings(:'rule', format('ALTER DATABASE %I SET app.tenant_id = ''tap-a''', current_database())),
    'app.tenant_id=tap-a, for every role in %', 'a tenant stored with the database');
SELECT alike(pg_temp.findings(:'rule', format('ALTER ROLE tap_service IN DATABASE %I SET app.tenant_id = ''tap-a''',
    current_database())),
    'app.tenant_id=tap-a, for tap_service in %', 'a tenant stored with the role in this database');

SELECT * FROM finish();
ROLLBACK;
