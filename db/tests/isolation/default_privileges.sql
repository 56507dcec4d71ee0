-- Proves: what the owner creates tomorrow is its own alone: its default privileges take EXECUTE on functions and USAGE on types
-- from PUBLIC, and give nobody anything.

BEGIN;
SELECT plan(3);

PREPARE defaults AS
    SELECT concat_ws(' ', d.defaclrole::regrole, d.defaclobjtype, n.nspname, d.defaclacl) COLLATE "default"
    FROM pg_default_acl AS d LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
    ORDER BY d.defaclobjtype, n.nspname;
SELECT results_eq('EXECUTE defaults',
    ARRAY['audit_owner T {audit_owner=U/audit_owner}', 'audit_owner f {audit_owner=X/audit_owner}'],
    'by default a type and a function are their owner''s, and nothing is said of anything else');

ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner IN SCHEMA audit GRANT SELECT ON TABLES TO audit_keyed;
SELECT isnt_empty($$SELECT FROM pg_default_acl WHERE defaclobjtype = 'r'$$, 'were a table opened by default, that would be noticed');
SET LOCAL ROLE audit_owner;
CREATE TABLE audit.tap_added (tenant_id text);
RESET ROLE;
SELECT ok(has_table_privilege('audit_app', 'audit.tap_added', 'SELECT'), 'and would open the next one to the service');

SELECT * FROM finish();
ROLLBACK;
