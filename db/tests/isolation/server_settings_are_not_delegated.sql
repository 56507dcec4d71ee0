-- Proves: no role of ours, nor PUBLIC, has been given a setting of the server's to change, and none but the service has any
-- stored with it. With session_replication_role a
-- role switches off foreign keys, with session_preload_libraries it loads code, with log_statement it sees what others send.

BEGIN;
SELECT plan(5);

PREPARE delegated AS
    SELECT format('%s may %s %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type, p.parname) COLLATE "default"
    FROM pg_parameter_acl AS p CROSS JOIN LATERAL aclexplode(p.paracl) AS a
    WHERE a.grantee = 0 OR a.grantee::regrole::text LIKE 'audit\_%';
SELECT is_empty('EXECUTE delegated', 'no setting is delegated');
SELECT is_empty(
    $$SELECT s.setrole::regrole, s.setconfig FROM pg_db_role_setting AS s
      WHERE s.setrole::regrole::text LIKE 'audit\_%' AND s.setrole <> 'audit_app'::regrole$$,
    'no role of ours but the service begins with settings of its own');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok('SET session_replication_role = replica', '42501', NULL, 'the service cannot switch off foreign keys');
RESET SESSION AUTHORIZATION;
GRANT SET ON PARAMETER session_replication_role TO audit_keyed;
SELECT results_eq('EXECUTE delegated', ARRAY['audit_keyed may SET session_replication_role'], 'were it, that would be noticed');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT lives_ok('SET session_replication_role = replica', 'and would let it');

SELECT * FROM finish();
ROLLBACK;
