-- Proves: every policy of audit_keyed is safe standing alone. A stray permissive policy opens nothing while the restrictive ones
-- stand, without those the permissive ones demand the proof by themselves, and with either left alone no other does its work.

BEGIN;
SELECT plan(50);

-- Not what audit_keyed has. Without the grants there is nothing to show: this is about the policies, were they given one day.
GRANT SELECT, UPDATE, DELETE ON audit.audit_logs, audit.admin_events TO audit_keyed;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a, audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS read_key,
       audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS write_key \gset
PREPARE reading AS SELECT DISTINCT agent_id FROM audit.audit_logs;
PREPARE reading_acts AS SELECT DISTINCT tenant_id FROM audit.admin_events;
PREPARE appending (text) AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), $1, 'agent-of-a');
\set by_the_restrictive 'new row violates row-level security policy "keyed_appends_only_to_proven_tenant" for table "audit_logs"'
\set by_the_permissive 'new row violates row-level security policy for table "audit_logs"'

-- Somebody adds policies with true: for reading, for appending, for all, for this group and for everybody.
SAVEPOINT as_migrated;
CREATE POLICY stray_read ON audit.audit_logs FOR SELECT TO audit_keyed USING (true);
CREATE POLICY stray_append ON audit.audit_logs FOR INSERT TO audit_keyed WITH CHECK (true);
CREATE POLICY stray_all ON audit.audit_logs FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
CREATE POLICY stray_all ON audit.admin_events FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is_empty('EXECUTE reading', 'beside stray policies, without a key nothing is read');
SELECT is_empty('EXECUTE reading_acts', 'no administrative act either');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', :'by_the_restrictive', 'and nothing is appended');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is_empty('EXECUTE reading', 'beside stray policies, with tap-a named nothing is read');
SELECT is_empty('EXECUTE reading_acts', 'no administrative act either');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', :'by_the_restrictive', 'and nothing is appended');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'beside stray policies, with a key of tap-a');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'tap-a is read alone');
SELECT results_eq('EXECUTE reading_acts', ARRAY['tap-a'], 'its administrative acts alone');
SELECT lives_ok($$EXECUTE appending ('tap-a')$$, 'and appended to');
SELECT throws_ok($$EXECUTE appending ('tap-b')$$, '42501', :'by_the_restrictive', 'alone');
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'beside stray policies, with a key that reads');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'tap-a is read');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', :'by_the_restrictive', 'and not appended to');
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'beside stray policies, with a key that writes');
SELECT is_empty('EXECUTE reading', 'nothing is read');
SELECT is_empty('EXECUTE reading_acts', 'no administrative act either');
SELECT lives_ok($$EXECUTE appending ('tap-a')$$, 'and tap-a is appended to');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'beside stray policies, with a key of tap-a');
SELECT is_empty(format('%s RETURNING id', statement), 'no record is touched by ' || statement)
FROM (VALUES ('UPDATE audit.audit_logs SET agent_id = ''forged'''), ('DELETE FROM audit.audit_logs'),
             ('UPDATE audit.admin_events SET actor = ''forged'''), ('DELETE FROM audit.admin_events')) AS s (statement);
RESET SESSION AUTHORIZATION;
DROP POLICY nobody_changes_a_record ON audit.audit_logs;
DROP POLICY nobody_deletes_a_record ON audit.audit_logs;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT isnt_empty($$UPDATE audit.audit_logs SET error = 'forged' RETURNING id$$, 'without what forbids it, a record is changed');
SELECT isnt_empty('DELETE FROM audit.audit_logs RETURNING id', 'and deleted');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-b' AND error IS NULL), 1::bigint, 'none of tap-b, though');
ROLLBACK TO SAVEPOINT as_migrated;

-- Somebody drops the second line.
DROP POLICY keyed_reads_only_proven_tenant ON audit.audit_logs;
DROP POLICY keyed_appends_only_to_proven_tenant ON audit.audit_logs;
DROP POLICY keyed_reads_only_proven_tenant ON audit.admin_events;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is_empty('EXECUTE reading', 'without the restrictive policies, with tap-a named nothing is read');
SELECT is_empty('EXECUTE reading_acts', 'no administrative act either');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', :'by_the_permissive', 'and nothing is appended');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'without the restrictive policies, with a key of tap-a');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'tap-a is read alone');
SELECT results_eq('EXECUTE reading_acts', ARRAY['tap-a'], 'its administrative acts alone');
SELECT lives_ok($$EXECUTE appending ('tap-a')$$, 'and appended to');
SELECT throws_ok($$EXECUTE appending ('tap-b')$$, '42501', :'by_the_permissive', 'alone');
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'without the restrictive policies, with a key that reads');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', :'by_the_permissive', 'nothing is appended');
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'without the restrictive policies, with a key that writes');
SELECT is_empty('EXECUTE reading', 'nothing is read');
SELECT is_empty('EXECUTE reading_acts', 'no administrative act either');

-- With the restrictive ones alone nothing is allowed at all: they only narrow.
ROLLBACK TO SAVEPOINT as_migrated;
DROP POLICY keyed_reads_proven_tenant ON audit.audit_logs;
DROP POLICY keyed_appends_to_proven_tenant ON audit.audit_logs;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'without the permissive policies, with a key of tap-a');
SELECT is_empty('EXECUTE reading', 'nothing is read');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', :'by_the_permissive', 'and nothing is appended');

-- The owner, for the functions that read for a key: what that key has proven, with the scope that they ask for.
ROLLBACK TO SAVEPOINT as_migrated;
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'with a key that reads');
SET LOCAL ROLE audit_owner;
SET LOCAL app.scope = 'read';
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'the owner reads tap-a with the scope read');
SELECT results_eq('EXECUTE reading_acts', ARRAY['tap-a'], 'and what was done to it');
SET LOCAL app.scope = 'write';
SELECT is_empty('EXECUTE reading', 'nothing with the scope write');
SET LOCAL app.scope = '';
SELECT is_empty('EXECUTE reading', 'and nothing without a scope');
SET LOCAL app.scope = 'read';
SET LOCAL app.proof = '';
SELECT is_empty('EXECUTE reading', 'the owner reads no record of a tenant that is only named');
SELECT is_empty('EXECUTE reading_acts', 'nor an administrative act');
SELECT set_config('app.tenant_id', '', true) \gset
SELECT is_empty('EXECUTE reading', 'nor without a name');

SELECT * FROM finish();
ROLLBACK;
