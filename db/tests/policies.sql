-- Proves: the policies are these and no others, for these roles and commands, with these very expressions.

BEGIN;
SELECT plan(18);

SELECT policies_are('audit', 'audit_logs',
    ARRAY['trusted_reads_own_tenant', 'trusted_appends_to_own_tenant', 'trusted_stays_in_own_tenant'],
    'audit_logs has three policies');
SELECT policy_cmd_is('audit', 'audit_logs', 'trusted_reads_own_tenant'::name, 'SELECT', 'one to read');
SELECT policy_cmd_is('audit', 'audit_logs', 'trusted_appends_to_own_tenant'::name, 'INSERT', 'one to append');
SELECT policy_cmd_is('audit', 'audit_logs', 'trusted_stays_in_own_tenant'::name, 'ALL', 'one for every command');
SELECT policy_roles_are('audit', 'audit_logs', 'trusted_reads_own_tenant'::name, ARRAY['audit_trusted'], 'readers are audit_trusted');
SELECT policy_roles_are('audit', 'audit_logs', 'trusted_appends_to_own_tenant'::name, ARRAY['audit_trusted'],
    'writers are audit_trusted');
SELECT policy_roles_are('audit', 'audit_logs', 'trusted_stays_in_own_tenant'::name, ARRAY['audit_trusted'],
    'the second line binds audit_trusted');

SELECT policies_are('audit', 'tenants',
    ARRAY['trusted_reads_own_tenant', 'owner_creates_tenants', 'trusted_stays_in_own_tenant'],
    'tenants has three policies');
SELECT policy_cmd_is('audit', 'tenants', 'trusted_reads_own_tenant'::name, 'SELECT', 'one to read');
SELECT policy_cmd_is('audit', 'tenants', 'owner_creates_tenants'::name, 'INSERT', 'one to register');
SELECT policy_cmd_is('audit', 'tenants', 'trusted_stays_in_own_tenant'::name, 'ALL', 'one for every command');
SELECT policy_roles_are('audit', 'tenants', 'trusted_reads_own_tenant'::name, ARRAY['audit_trusted'], 'readers are audit_trusted');
SELECT policy_roles_are('audit', 'tenants', 'owner_creates_tenants'::name, ARRAY['audit_owner'], 'the registrar is audit_owner');
SELECT policy_roles_are('audit', 'tenants', 'trusted_stays_in_own_tenant'::name, ARRAY['audit_trusted'],
    'the second line binds audit_trusted');

-- The bare comparison, so that it becomes an index condition; no OR, no sub-select, no bypass.
SELECT results_eq(
    $$SELECT p.polrelid::regclass::text, p.polname, p.polpermissive,
             pg_get_expr(p.polqual, p.polrelid) COLLATE "default", pg_get_expr(p.polwithcheck, p.polrelid) COLLATE "default"
      FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
      WHERE c.relnamespace = 'audit'::regnamespace ORDER BY c.relname, p.polname$$,
    $$VALUES
        ('audit.audit_logs', 'trusted_appends_to_own_tenant'::name, true,
         NULL, '(tenant_id = current_setting(''app.tenant_id''::text, true))'),
        ('audit.audit_logs', 'trusted_reads_own_tenant', true,
         '(tenant_id = current_setting(''app.tenant_id''::text, true))', NULL),
        ('audit.audit_logs', 'trusted_stays_in_own_tenant', false,
         '(tenant_id = current_setting(''app.tenant_id''::text, true))',
         '(tenant_id = current_setting(''app.tenant_id''::text, true))'),
        ('audit.tenants', 'owner_creates_tenants', true,
         NULL, 'true'),
        ('audit.tenants', 'trusted_reads_own_tenant', true,
         '(id = current_setting(''app.tenant_id''::text, true))', NULL),
        ('audit.tenants', 'trusted_stays_in_own_tenant', false,
         '(id = current_setting(''app.tenant_id''::text, true))',
         '(id = current_setting(''app.tenant_id''::text, true))')$$,
    'every policy compares the tenant with the setting, bare; only the register''s owner adds without comparing');

-- An IMMUTABLE helper in a policy was seen to return another tenant's rows, folded once at planning; a VOLATILE one is
-- called for every row. (Operators are left out: those of the catalogue are immutable and right to be.)
SELECT results_eq(
    $$SELECT DISTINCT f.oid::regprocedure::text, f.provolatile::text
      FROM pg_policy AS p
      JOIN pg_class AS c ON c.oid = p.polrelid AND c.relnamespace = 'audit'::regnamespace
      CROSS JOIN LATERAL regexp_matches(concat(p.polqual, p.polwithcheck), ':funcid ([0-9]+)', 'g') AS called (id)
      JOIN pg_proc AS f ON f.oid = called.id[1]::oid$$,
    $$VALUES ('current_setting(text,boolean)', 's')$$,
    'policies call current_setting alone, which is stable: neither IMMUTABLE nor VOLATILE');
SELECT is_empty(
    $$SELECT p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
      WHERE c.relnamespace = 'audit'::regnamespace
        AND concat(p.polqual, p.polwithcheck) ~ '\{(SUBLINK|SUBPLAN|BOOLEXPR|CASEEXPR|COALESCE) '$$,
    'no policy has a sub-select, AND, OR, CASE or COALESCE');
SELECT is_empty(
    $$SELECT p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
      WHERE c.relnamespace = 'audit'::regnamespace AND 0 = ANY (p.polroles)$$,
    'no policy is for PUBLIC');

SELECT * FROM finish();
ROLLBACK;
