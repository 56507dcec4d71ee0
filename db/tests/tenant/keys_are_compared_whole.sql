-- Proves: a key is its whole secret, its proof is dated by the statement that entered, and a key that replaces another may do
-- no more than that one.

BEGIN;
SELECT plan(8);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS key_of_a \gset
SELECT split_part(:'key_of_a', '_', 2) AS id_of_a \gset
-- A secret whose hash begins like the right one's: of a few thousand a dozen do.
SELECT candidate
FROM generate_series(1, 20000) AS n, LATERAL (SELECT lpad(n::text, 64, '0')) AS c (candidate)
WHERE substring(sha256(convert_to(candidate, 'UTF8')) FOR 1)
    = (SELECT substring(k.secret_sha256 FOR 1) FROM audit.api_keys AS k WHERE k.id = :'id_of_a')
LIMIT 1 \gset

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', concat_ws('_', 'rf', :'id_of_a', :'candidate')), 'RF005', NULL,
    'a secret whose hash begins like the right one is refused');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'the right one is accepted');
SELECT is(split_part(current_setting('app.proof'), ':', 3)::numeric > extract(epoch FROM now()), true,
    'its proof is dated after the start of the transaction: by the statement');
SELECT is(split_part(current_setting('app.proof'), ':', 3)::numeric <= extract(epoch FROM statement_timestamp()), true,
    'and not later than now');

RESET SESSION AUTHORIZATION;
SELECT audit.rotate_api_key(:'id_of_a') AS next_key \gset
SELECT is((SELECT k.scopes FROM audit.api_keys AS k WHERE k.id = split_part(:'next_key', '_', 2)), ARRAY['read'],
    'the key that replaces one that reads may read');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'next_key'), 'tap-a', 'it opens the same tenant');
SELECT is(current_setting('app.scopes'), 'read', 'with the same scope');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent')$$, '42501',
    'new row violates row-level security policy for table "audit_logs"', 'and does not write');

SELECT * FROM finish();
ROLLBACK;
