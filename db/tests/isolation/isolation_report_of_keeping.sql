-- Proves: audit.isolation_report() goes red when somebody else could delete and erase: audit_keeper gets a member, a power, a function or a privilege more, the owner
-- gets one of its functions or its privileges, or one of its policies is loosened.

BEGIN;
SELECT plan(75);

SET LOCAL tap.login = 'tap_retention';
\ir ../support/kept.sql
\ir ../support/findings.sql
-- The job does not ask for the report; here it does, as the login that it runs as.
GRANT EXECUTE ON FUNCTION audit.isolation_report, audit.findings_of_objects, audit.findings_of_policies, audit.findings_of_privileges, audit.findings_of_roles,
    audit.granted_privileges, audit.intended_privileges, audit.unintended_settings TO tap_retention;
CREATE ROLE tap_stranger LOGIN;

\set rule 'the role is a member of one group, and of nothing else'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'the job''s login is a member of one group of ours');
SELECT is(pg_temp.findings(:'rule', 'GRANT audit_eraser TO tap_retention'), 'tap_retention is a member of audit_eraser, audit_retention', 'and not of that which erases');
SELECT is(pg_temp.findings(:'rule', 'GRANT audit_keeper TO tap_retention'), 'tap_retention is a member of audit_keeper, audit_retention', 'and not of audit_keeper');
\set rule 'no role of ours has power over row-level security'
SELECT is(pg_temp.findings(:'rule', format('ALTER ROLE %I BYPASSRLS', role)), role || ' has BYPASSRLS', 'a power of ' || role) FROM (VALUES ('audit_keeper'), ('audit_retention'), ('audit_eraser')) AS r (role);
\set rule 'no setting is stored but the intended ones'
SELECT is(pg_temp.findings(:'rule', format('ALTER ROLE %I SET row_security = off', role)), format('row_security=off, for %s in every database', role), 'a setting of ' || role)
FROM (VALUES ('audit_keeper'), ('audit_retention'), ('audit_eraser')) AS r (role);

\set rule 'what deletes and erases belongs to audit_keeper'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'as migrated nobody else can');
SELECT is(pg_temp.findings(:'rule', 'GRANT audit_keeper TO tap_stranger'), 'tap_stranger can become audit_keeper', 'a member of audit_keeper');
SELECT is(pg_temp.findings(:'rule', 'GRANT audit_keeper TO audit_migrator'), 'audit_migrator can become audit_keeper', 'also one of ours');
SELECT is(pg_temp.findings(:'rule', 'CREATE FUNCTION audit.added() RETURNS int LANGUAGE sql AS ''SELECT 1''; ALTER FUNCTION audit.added OWNER TO audit_keeper'),
    'audit.added() belongs to audit_keeper', 'a function that is added to what it owns');
SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.list_retention OWNER TO audit_keeper'), 'audit.list_retention(text) belongs to audit_keeper', 'or one of the owner''s');
SELECT is(pg_temp.findings(:'rule', 'CREATE TABLE audit.added (); ALTER TABLE audit.added OWNER TO audit_keeper'), 'audit.added belongs to audit_keeper', 'or a table');
SELECT is(pg_temp.findings(:'rule', format('ALTER FUNCTION audit.%I OWNER TO audit_owner', name)), format('%s belongs to audit_owner', format('audit.%I', name)::regproc::regprocedure),
    'one of its own that is given to the owner: ' || name)
FROM unnest(ARRAY['held_records', 'due_batch', 'fold_tiles', 'prune_batch', 'prune_tenant', 'prune_records', 'has_due_records', 'count_due_records',
                  'erase_records', 'erase_record', 'erase_user', 'records_of_user', 'rest_after']) AS name;
SELECT is(pg_temp.findings(:'rule', CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'ALTER ROLE audit_owner INHERIT'
                                    ELSE 'GRANT audit_keeper TO audit_owner WITH INHERIT TRUE' END),
    'audit_owner has the privileges of audit_keeper without becoming it', 'an owner that inherits them');
SELECT is(pg_temp.findings(:'rule', CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'SELECT'
                                    ELSE 'GRANT audit_keeper TO tap_stranger WITH ADMIN TRUE, INHERIT FALSE, SET FALSE' END),
    'intact', 'but not a role that may pass it on and cannot become it, as the one that made it');
\set rule 'everything belongs to audit_owner'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'what audit_keeper owns is known');
SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.list_retention OWNER TO audit_keeper'), 'audit.list_retention(text) belongs to audit_keeper', 'what it should not own is found here too');

\set rule 'no privilege is granted beyond the intended'
SELECT alike(pg_temp.findings(:'rule', weakening), '%' || finding || '%', 'found: ' || weakening)
FROM (VALUES ('GRANT DELETE ON audit.audit_logs TO audit_admin', 'audit_admin has DELETE on audit.audit_logs'),
             ('GRANT DELETE ON audit.audit_logs TO audit_retention', 'audit_retention has DELETE on audit.audit_logs'),
             ('GRANT TRUNCATE ON audit.audit_logs TO audit_keeper', 'audit_keeper has TRUNCATE on audit.audit_logs'),
             ('GRANT UPDATE (agent_id) ON audit.audit_logs TO audit_keeper', 'audit_keeper has UPDATE on audit.audit_logs.agent_id'),
             ('GRANT INSERT ON audit.audit_logs TO audit_keeper', 'audit_keeper has INSERT on audit.audit_logs'),
             ('GRANT UPDATE (leaf_hash) ON audit.seals TO audit_keeper', 'audit_keeper has UPDATE on audit.seals.leaf_hash'),
             ('GRANT INSERT ON audit.seals TO audit_keeper', 'audit_keeper has INSERT on audit.seals'),
             ('GRANT UPDATE (live_days) ON audit.retention TO audit_keeper', 'audit_keeper has UPDATE on audit.retention.live_days'),
             ('GRANT DELETE ON audit.legal_holds TO audit_keeper', 'audit_keeper has DELETE on audit.legal_holds'),
             ('GRANT SELECT ON audit.pruned_ids TO audit_trusted', 'audit_trusted has SELECT on audit.pruned_ids'),
             ('GRANT EXECUTE ON FUNCTION audit.set_retention_rules TO audit_admin', 'audit_admin has EXECUTE on audit.set_retention_rules'),
             ('GRANT EXECUTE ON FUNCTION audit.enter_tenant_to_keep TO audit_trusted', 'audit_trusted has EXECUTE on audit.enter_tenant_to_keep'),
             ('GRANT EXECUTE ON FUNCTION audit.prune_records TO audit_admin', 'audit_admin has EXECUTE on audit.prune_records'),
             ('GRANT EXECUTE ON FUNCTION audit.erase_user TO audit_retention', 'audit_retention has EXECUTE on audit.erase_user'),
             ('GRANT EXECUTE ON FUNCTION audit.prune_records TO audit_eraser', 'audit_eraser has EXECUTE on audit.prune_records')) AS g (weakening, finding);
\set rule 'the owner changes no record, and empties no table'
SELECT is(pg_temp.findings(:'rule', format('GRANT %s ON audit.%s TO audit_owner', privilege, name)), format('audit_owner has %s on audit.%s', privilege, name),
    format('%s on %s granted to the owner', privilege, name))
FROM (VALUES ('DELETE', 'pruned_ids'), ('UPDATE', 'pruned_ids'), ('TRUNCATE', 'legal_holds'), ('TRUNCATE', 'retention')) AS g (privilege, name);

\set rule 'every policy compares the tenant, and names its roles'
\set form 'tenant_id = current_setting(''app.tenant_id'', true) AND tenant_id = (SELECT audit.proven_tenant(''keep''))'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'policies: nothing is found when nothing is loosened');
SELECT is(pg_temp.findings(:'rule', format('ALTER POLICY %I ON audit.%I %s', policy, name, change)), format('policy %s on audit.%s', policy, name), said)
FROM (VALUES
    ('keeper_prunes_proven_tenant', 'audit_logs', 'USING (true)', 'pruning made free'),
    ('keeper_prunes_only_proven_tenant', 'audit_logs', 'USING (tenant_id = current_setting(''app.tenant_id'', true))', 'pruning of a tenant that is named'),
    ('keeper_reads_proven_tenant', 'audit_logs', 'USING (tenant_id = current_setting(''app.tenant_id'', true) AND tenant_id = (SELECT audit.proven_tenant(''read'')))', 'reading with another scope'),
    ('keeper_erases_for_proven_tenant', 'audit_logs', format('WITH CHECK (%s)', :'form'), 'erasing that fills'),
    ('keeper_erases_for_proven_tenant', 'audit_logs', format('WITH CHECK (%s AND user_id IS NULL AND error IS NULL)', :'form'), 'erasing that fills the context'),
    ('keeper_erases_only_for_proven_tenant', 'audit_logs', format('WITH CHECK (%s AND user_id IS NULL AND error IS NULL AND context IS NOT NULL)', :'form'), 'the second line of it'),
    ('keeper_erases_for_proven_tenant', 'audit_logs', 'USING (true)', 'erasing of any tenant'),
    ('keeper_empties_for_proven_tenant', 'seals', format('WITH CHECK (%s)', :'form'), 'a leaf that keeps its salt'),
    ('keeper_folds_for_proven_tenant', 'seals', 'USING (true)', 'folding made free'),
    ('keeper_erases_for_proven_tenant', 'legal_holds', format('WITH CHECK (%s AND user_id IS NULL)', :'form'), 'emptying of a hold that holds'),
    ('keeper_erases_only_for_proven_tenant', 'legal_holds', format('WITH CHECK (%s AND released_at IS NOT NULL)', :'form'), 'naming another person in a hold'),
    ('keeper_moves_on_for_proven_tenant', 'retention', 'WITH CHECK (true)', 'moving the pass of another tenant'),
    ('keeper_reads_proven_tenant', 'checkpoints', 'USING (true)', 'reading of all checkpoints')) AS p (policy, name, change, said);
SELECT is(pg_temp.findings(:'rule', format('CREATE POLICY added ON audit.%s TO audit_keeper %s', policy, clause)), 'policy added on audit.' || policy, 'added: ' || said)
FROM (VALUES ('audit_logs', format('USING (%s)', :'form'), 'one for all commands'), ('seals', format('USING (%s) WITH CHECK (%s)', :'form', :'form'), 'one for all of leaves')) AS p (policy, clause, said);
SELECT is(pg_temp.findings(:'rule', format('CREATE POLICY added ON audit.audit_logs FOR INSERT TO audit_keeper WITH CHECK (%s)', :'form')), 'policy added on audit.audit_logs', 'one by which it adds records');
SELECT is(pg_temp.findings(:'rule', format('CREATE POLICY added ON audit.tenants FOR SELECT TO audit_keeper USING (true)')), 'policy added on audit.tenants', 'one by which it reads all tenants');
SELECT is(pg_temp.findings(:'rule', format('CREATE POLICY added ON audit.audit_logs FOR SELECT TO audit_keeper USING (%s)', :'form')), 'intact', 'but not one more that asks for the same');
\set rule 'every group that sees a table is held by a restrictive policy too'
SELECT is(pg_temp.findings(:'rule', format('DROP POLICY %I ON audit.%I', policy, name)), 'audit_keeper on audit.' || name, format('%s dropped from %s', policy, name))
FROM (VALUES ('keeper_reads_only_proven_tenant', 'audit_logs'), ('keeper_prunes_only_proven_tenant', 'audit_logs'), ('keeper_erases_only_for_proven_tenant', 'audit_logs'),
             ('keeper_folds_only_for_proven_tenant', 'seals'), ('keeper_reads_only_proven_tenant', 'legal_holds')) AS p (policy, name);

SELECT * FROM finish();
ROLLBACK;
