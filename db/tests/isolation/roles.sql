-- Proves: the roles are these, with these powers and memberships, and none has more than the design gives it.

BEGIN;
SELECT plan(18);

-- By name: roles belong to the whole cluster, where a database of another release may have brought more of ours.
PREPARE roles AS
    SELECT r.rolname, r.rolcanlogin, r.rolinherit FROM pg_roles AS r
    WHERE r.rolname IN ('audit_admin', 'audit_app', 'audit_eraser', 'audit_keeper', 'audit_keyed', 'audit_migrator', 'audit_owner', 'audit_retention',
                        'audit_sealer', 'audit_signer', 'audit_trusted')
    ORDER BY r.rolname;
SELECT results_eq('EXECUTE roles',
    $$VALUES ('audit_admin'::name, false, true),
             ('audit_app',         true,  true),
             ('audit_eraser',      false, true),
             ('audit_keeper',      false, true),
             ('audit_keyed',       false, true),
             ('audit_migrator',    true,  false),
             ('audit_owner',       false, false),
             ('audit_retention',   false, true),
             ('audit_sealer',      false, true),
             ('audit_signer',      false, true),
             ('audit_trusted',     false, true)$$,
    'two log in, the service and the migrator; the migrator and the owner inherit nothing');
SELECT is_empty(
    $$SELECT r.rolname FROM pg_roles AS r
      WHERE r.rolname LIKE 'audit\_%'
        AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)$$,
    'none is SUPERUSER, BYPASSRLS, CREATEROLE, CREATEDB or REPLICATION');

PREPARE memberships AS
    SELECT m.member::regrole::text, m.roleid::regrole::text, m.admin_option FROM pg_auth_members AS m
    JOIN pg_roles AS r ON r.oid = m.member
    WHERE r.rolname LIKE 'audit\_%' ORDER BY 1;
SELECT results_eq('EXECUTE memberships',
    $$VALUES ('audit_app', 'audit_keyed', false), ('audit_migrator', 'audit_owner', false), ('audit_owner', 'audit_keeper', false)$$,
    'the service is a member of audit_keyed, the migrator of audit_owner, that of audit_keeper, and none may pass it on');
SELECT is_empty(
    $$SELECT r.rolname FROM pg_roles AS r
      WHERE r.rolname LIKE 'audit\_%' AND r.rolname <> 'audit_keeper' AND pg_has_role(r.oid, 'audit_keeper', 'USAGE')$$,
    'nobody can delete without becoming audit_keeper, the owner neither');
SELECT is_empty(
    $$SELECT m.member::regrole, m.roleid::regrole FROM pg_auth_members AS m WHERE m.member = 'audit_keeper'::regrole$$,
    'and audit_keeper is a member of nothing');
-- Besides the migrator, whoever ran the migration may be a member; that takes CREATEROLE.
SELECT is_empty(
    $$SELECT r.rolname FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.member
      WHERE m.roleid = 'audit_owner'::regrole AND r.rolname <> 'audit_migrator' AND NOT (r.rolcreaterole OR r.rolsuper)$$,
    'nobody else is a member of audit_owner but those who create roles');
SELECT is_empty(
    $$SELECT r.rolname FROM pg_roles AS r
      WHERE r.rolname LIKE 'audit\_%' AND r.rolname <> 'audit_owner' AND pg_has_role(r.oid, 'audit_owner', 'USAGE')$$,
    'none of ours has the owner''s powers without saying so');
SELECT results_eq(
    $$SELECT r.rolname FROM pg_roles AS r
      WHERE r.rolname LIKE 'audit\_%' AND r.rolname <> 'audit_owner' AND pg_has_role(r.oid, 'audit_owner', 'MEMBER')$$,
    ARRAY['audit_migrator'::name], 'and only the migrator can say so');

-- Acting as them.
SET LOCAL SESSION AUTHORIZATION audit_migrator;
SELECT lives_ok('SET LOCAL ROLE audit_owner', 'the migrator becomes the owner');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok('SET LOCAL ROLE audit_owner', '42501', 'permission denied to set role "audit_owner"', 'the service does not');
SELECT throws_ok('SET LOCAL ROLE audit_keeper', '42501', 'permission denied to set role "audit_keeper"', 'nor audit_keeper');
SELECT throws_ok('SET LOCAL ROLE audit_admin', '42501', 'permission denied to set role "audit_admin"', 'nor audit_admin');
SELECT throws_ok('SET LOCAL ROLE audit_trusted', '42501', 'permission denied to set role "audit_trusted"',
    'nor audit_trusted, which names its tenant');
SELECT lives_ok('SET LOCAL ROLE audit_keyed', 'it becomes the group that it belongs to');
SELECT throws_ok('CREATE ROLE tap_new', '42501', NULL, 'it creates no role');
SELECT throws_ok('ALTER ROLE audit_app BYPASSRLS', '42501', NULL, 'it gives itself no power');
SELECT throws_ok('GRANT audit_keyed TO audit_migrator', '42501', NULL, 'it passes its membership on to nobody');
RESET SESSION AUTHORIZATION;

-- Limits that hold behind any pooler. Their size is for isolation_report_of_roles.sql.
SELECT set_eq(
    $$SELECT split_part(setting, '=', 1) FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS setting
      WHERE s.setrole = 'audit_app'::regrole AND s.setdatabase = 0$$,
    ARRAY['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'],
    'the service''s statements, locks and idle transactions are limited, and nothing else is set for it');

SELECT * FROM finish();
ROLLBACK;
