-- Proves: what the service learns of a key it learns from the key itself, and of no other.

BEGIN;
SELECT plan(7);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['write', 'import'], '2100-01-02 03:04:05+00') AS key,
       audit.issue_api_key('tap-a', 'tap') AS lasting, audit.issue_api_key('tap-a', 'tap') AS revoked \gset
SELECT audit.revoke_api_key(split_part(:'revoked', '_', 2)) \gset

SET LOCAL SESSION AUTHORIZATION audit_app;
SET LOCAL timezone = 'UTC';
SELECT is(audit.describe_api_key(:'key')::jsonb,
    '{"tenant_id": "tap-a", "scopes": ["import", "write"], "expires_at": "2100-01-02T03:04:05+00:00",
      "spool_key_source": "secret", "restriction": null}', 'its tenant, scopes and end, and what its spooled records are signed with');
SELECT is(audit.describe_api_key(:'lasting') ->> 'expires_at', NULL, 'one without an end');
SELECT throws_ok(format('SELECT audit.describe_api_key(%L)', :'revoked'), 'RF005', 'the API key is not valid', 'a revoked one: nothing');
SELECT throws_ok(format('SELECT audit.describe_api_key(%L)', left(:'key', 20) || repeat('0', 64)), 'RF005', NULL,
    'the public id with another secret: nothing');
SELECT throws_ok('SELECT audit.describe_api_key(NULL)', 'RF005', NULL, 'no key: nothing');
RESET SESSION AUTHORIZATION;

\ir ../support/gateway.sql
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok(format('SELECT audit.describe_api_key(%L)', :'key'), '42501', NULL, 'a login that names its tenants: nothing') AS line \gset
RESET SESSION AUTHORIZATION;
SELECT :'line';
SELECT is(has_function_privilege('audit_admin', 'audit.describe_api_key(text)', 'EXECUTE'), false, 'nor an administrator');

SELECT * FROM finish();
ROLLBACK;
