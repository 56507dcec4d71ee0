-- Proves: audit.isolation_report() goes red for each way in which a policy can be dropped, loosened or added, and names it.
-- Each weakening is made, reported and undone by itself.

BEGIN;
SELECT plan(63);

SET LOCAL tap.login = 'audit_app';
\ir ../support/findings.sql

\set rule 'every group that sees a table is held by a restrictive policy too'
SELECT is(pg_temp.findings(:'rule', 'DROP POLICY trusted_stays_in_own_tenant ON audit.audit_logs'),
    'audit_trusted on audit.audit_logs', 'the restrictive policy dropped');
SELECT is(pg_temp.findings(:'rule', 'DROP POLICY keyed_reads_only_proven_tenant ON audit.audit_logs'),
    'audit_keyed on audit.audit_logs', 'that for reading with a proof dropped');
SELECT is(pg_temp.findings(:'rule', 'DROP POLICY keyed_appends_only_to_proven_tenant ON audit.audit_logs'),
    'audit_keyed on audit.audit_logs', 'that for appending with a proof dropped');
SELECT is(pg_temp.findings(:'rule', 'DROP POLICY keyed_reads_only_proven_tenant ON audit.admin_events'),
    'audit_keyed on audit.admin_events', 'that of the administrative acts dropped');
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.api_keys TO audit_keyed USING (true)'),
    'audit_keyed on audit.api_keys', 'a table opened that has no restrictive policy');
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'but not as it is');

\set rule 'every policy compares the tenant, and names its roles'
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.audit_logs TO audit_trusted USING (true)'),
    'policy added on audit.audit_logs', 'a policy with true');
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.audit_logs FOR INSERT TO audit_trusted WITH CHECK (true)'),
    'policy added on audit.audit_logs', 'a policy with true for INSERT');
SELECT is(pg_temp.findings(:'rule',
    $$CREATE POLICY added ON audit.audit_logs USING (tenant_id = current_setting('app.tenant_id', true))$$),
    'policy added on audit.audit_logs', 'a policy for PUBLIC');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs TO audit_trusted
        USING (tenant_id = current_setting('app.tenant_id', true) OR current_setting('app.bypass', true) = 'on')$$),
    'policy added on audit.audit_logs', 'a policy with a bypass');
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.audit_logs TO audit_owner USING (true)'),
    'policy added on audit.audit_logs', 'a policy by which the owner reads records');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs FOR SELECT TO audit_owner
        USING (tenant_id = current_setting('app.tenant_id', true))$$),
    'policy added on audit.audit_logs', 'a policy by which the owner reads records without a proof');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs FOR INSERT TO audit_owner
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('write')))$$),
    'policy added on audit.audit_logs', 'a policy by which the owner appends records');
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.admin_events FOR SELECT TO audit_owner USING (true)'),
    'policy added on audit.admin_events', 'a policy by which the owner reads administrative acts');
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.admin_events FOR DELETE TO audit_owner USING (true)'),
    'policy added on audit.admin_events', 'a policy by which the owner deletes them');
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.api_keys FOR SELECT TO audit_admin USING (true)'),
    'policy added on audit.api_keys', 'a policy by which administrators read hashes');
SELECT is(pg_temp.findings(:'rule',
    'CREATE POLICY added ON audit.proof_secrets FOR SELECT TO audit_owner, audit_keyed USING (true)'),
    'policy added on audit.proof_secrets', 'a policy by which others than the owner read the secret');
SELECT is(pg_temp.findings(:'rule', weakening), 'policy owner_imports_to_proven_tenant on audit.audit_logs', said)
FROM (VALUES
    ($$ALTER POLICY owner_imports_to_proven_tenant ON audit.audit_logs WITH CHECK (true)$$, 'importing made free'),
    ($$ALTER POLICY owner_imports_to_proven_tenant ON audit.audit_logs
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true))$$, 'the proof removed from importing'),
    ($$ALTER POLICY owner_imports_to_proven_tenant ON audit.audit_logs
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('write')))$$,
        'another scope made enough for importing')) AS w (weakening, said);
SELECT is(pg_temp.findings(:'rule', weakening), 'policy owner_keeps_keys_of_writing_tenant on audit.idempotency_keys', said)
FROM (VALUES
    ($$ALTER POLICY owner_keeps_keys_of_writing_tenant ON audit.idempotency_keys USING (true)$$, 'reading Idempotency-Keys made free'),
    ($$ALTER POLICY owner_keeps_keys_of_writing_tenant ON audit.idempotency_keys
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true))$$, 'the proof removed from storing them'),
    ($$ALTER POLICY owner_keeps_keys_of_writing_tenant ON audit.idempotency_keys
        USING (tenant_id = current_setting('app.tenant_id', true))$$, 'the proof removed from reading them')) AS w (weakening, said);
-- audit_keyed: the comparison and the proof, of the scope that the command asks for.
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs
        USING (tenant_id = current_setting('app.tenant_id', true))$$),
    'policy keyed_reads_proven_tenant on audit.audit_logs', 'the proof removed from reading');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs USING (
        tenant_id = current_setting('app.tenant_id', true)
        AND current_setting('app.tenant_id', true) = (SELECT audit.proven_tenant('read')))$$),
    'policy keyed_reads_proven_tenant on audit.audit_logs', 'the proof asked of the setting, not of the row');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_appends_to_proven_tenant ON audit.audit_logs
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true))$$),
    'policy keyed_appends_to_proven_tenant on audit.audit_logs', 'the proof removed from appending');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_reads_only_proven_tenant ON audit.audit_logs
        USING (tenant_id = current_setting('app.tenant_id', true))$$),
    'policy keyed_reads_only_proven_tenant on audit.audit_logs', 'the proof removed from the second line');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_reads_proven_tenant ON audit.admin_events
        USING (tenant_id = current_setting('app.tenant_id', true))$$),
    'policy keyed_reads_proven_tenant on audit.admin_events', 'the proof removed from the administrative acts');
SELECT is(pg_temp.findings(:'rule',
    $$ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs USING (tenant_id = (SELECT audit.proven_tenant('read')))$$),
    'policy keyed_reads_proven_tenant on audit.audit_logs', 'the comparison removed, the proof left');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs
        USING (tenant_id = current_setting('app.tenant_id', true) OR tenant_id = (SELECT audit.proven_tenant('read')))$$),
    'policy keyed_reads_proven_tenant on audit.audit_logs', 'one of the two made enough');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs
        USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('write')))$$),
    'policy keyed_reads_proven_tenant on audit.audit_logs', 'the other scope made enough for reading');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_appends_to_proven_tenant ON audit.audit_logs
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')))$$),
    'policy keyed_appends_to_proven_tenant on audit.audit_logs', 'the other scope made enough for appending');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs FOR ALL TO audit_keyed
        USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')))$$),
    'policy added on audit.audit_logs', 'one policy for all commands, by which one scope does what the other may');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs FOR UPDATE TO audit_keyed
        USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('write')))$$),
    'policy added on audit.audit_logs', 'a policy by which a key changes records');
-- The form is compared as it reads. Called bare, the proof is computed for every row; asked from the row, or of a table, it would be
-- another question.
SELECT is(pg_temp.findings(:'rule', format($$ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs
        USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id %s)$$, proof)),
    'policy keyed_reads_proven_tenant on audit.audit_logs', 'the proof, ' || said)
FROM (VALUES
    ($$= audit.proven_tenant('read')$$, 'without its sub-select'),
    ($$IN (SELECT audit.proven_tenant('read'))$$, 'with IN'),
    ($$= (SELECT audit.proven_tenant('read') WHERE true)$$, 'under a condition'),
    ($$= (SELECT coalesce(audit.proven_tenant('read'), current_setting('app.tenant_id', true)))$$, 'or else the name'),
    ($$= (SELECT audit.proven_tenant(s.scope) FROM (VALUES ('read')) AS s (scope))$$, 'of a list of scopes'),
    ($$= (SELECT audit.proven_tenant(tenant_id))$$, 'of a scope that is in the row'),
    ($$= (SELECT max(t.id) FROM audit.tenants AS t)$$, 'replaced by a table')) AS w (proof, said);
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY keyed_appends_to_proven_tenant ON audit.audit_logs
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = audit.proven_tenant('write'))$$),
    'policy keyed_appends_to_proven_tenant on audit.audit_logs', 'the proof without its sub-select, for appending');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY owner_keeps_keys_of_writing_tenant ON audit.idempotency_keys
        USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = audit.writing_tenant())$$),
    'policy owner_keeps_keys_of_writing_tenant on audit.idempotency_keys', 'the writing tenant without its sub-select');
SELECT is(pg_temp.findings(:'rule', $$ALTER POLICY owner_reads_proven_tenant ON audit.audit_logs
        USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = audit.proven_tenant(current_setting('app.scope', true)))$$),
    'policy owner_reads_proven_tenant on audit.audit_logs', 'the proof without its sub-select, for the owner');
-- The owner's policies: the same proof, of the scope that the function sets.
SELECT is(
    pg_temp.findings(:'rule', format('ALTER POLICY owner_reads_proven_tenant ON audit.%s USING (%s)', relation, expression)),
    'policy owner_reads_proven_tenant on audit.' || relation, said)
FROM (VALUES
    ('audit_logs', 'tenant_id = (SELECT audit.proven_tenant(current_setting(''app.scope'', true)))',
        'the comparison removed from the owner''s'),
    ('audit_logs', 'tenant_id = current_setting(''app.tenant_id'', true)'
        ' AND tenant_id = (SELECT audit.proven_tenant(current_setting(''app.tenant_id'', true)))',
        'another setting for the scope'),
    ('audit_logs', 'true', 'nothing asked of the owner'),
    ('admin_events', 'tenant_id = current_setting(''app.tenant_id'', true)', 'the owner''s reading of acts without a proof'))
    AS loosened (relation, expression, said);
-- Append-only.
SELECT is(pg_temp.findings(:'rule', 'ALTER POLICY nobody_changes_a_record ON audit.audit_logs USING (true)'),
    'policy nobody_changes_a_record on audit.audit_logs', 'the second line of append-only loosened');
SELECT is(pg_temp.findings(:'rule', 'ALTER POLICY nobody_deletes_a_record ON audit.audit_logs TO PUBLIC USING (true)'),
    'policy nobody_deletes_a_record on audit.audit_logs', 'for everybody');
SELECT is(pg_temp.findings(:'rule', 'DROP POLICY nobody_changes_an_event ON audit.admin_events;
        CREATE POLICY nobody_changes_an_event ON audit.admin_events FOR UPDATE TO audit_keyed USING (false)'),
    'policy nobody_changes_an_event on audit.admin_events', 'made permissive');
SELECT is(pg_temp.findings(:'rule', 'CREATE POLICY added ON audit.api_keys AS RESTRICTIVE FOR DELETE TO PUBLIC USING (false)'),
    'intact', 'but not one more that forbids');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs FOR SELECT TO audit_keyed
        USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')))$$),
    'intact', 'but not a policy that compares the tenant and asks for the proof');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs TO audit_trusted
        USING (tenant_id = current_setting('app.tenant_id', true))
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND api_key_id IS NULL)$$),
    'intact', 'but not a policy that compares the tenant, for roles that it names');
SELECT is(pg_temp.findings(:'rule', $$CREATE POLICY added ON audit.audit_logs TO audit_trusted
        USING (tenant_id = current_setting('app.tenant_id', true))$$),
    'policy added on audit.audit_logs', 'one that lets it write with a key is a finding');
-- The key that a record was written with.
SELECT is(pg_temp.findings(:'rule', format('ALTER POLICY %I ON audit.audit_logs WITH CHECK (tenant_id = current_setting(''app.tenant_id'', true)%s)',
        policy, looser)), format('policy %s on audit.audit_logs', policy), said)
FROM (VALUES
    ('trusted_appends_to_own_tenant', '', 'a gateway that writes with any key'),
    ('trusted_stays_in_own_tenant', '', 'the second line that lets it'),
    ('keyed_appends_to_proven_tenant', ' AND tenant_id = (SELECT audit.proven_tenant(''write''))', 'a key that another is written for'),
    ('keyed_appends_only_to_proven_tenant', ' AND tenant_id = (SELECT audit.proven_tenant(''write''))', 'the second line that lets it'),
    ('keyed_appends_to_proven_tenant', ' AND concat(tenant_id, '':'', api_key_id) = (SELECT audit.proven_writer(''read''))', 'a key that may read'),
    ('keyed_appends_to_proven_tenant', ' AND concat(tenant_id, '':'') = (SELECT audit.proven_writer(''write''))', 'no key where one is proven'),
    ('owner_imports_to_proven_tenant', ' AND tenant_id = (SELECT audit.proven_tenant(''import''))', 'an import with any key'),
    ('owner_replays_to_proven_tenant', ' AND tenant_id = (SELECT audit.proven_tenant(''replay''))', 'a replay with any key'))
    AS loosened (policy, looser, said);

SELECT * FROM finish();
ROLLBACK;
