-- Proves: a tenant that a function has entered by itself is left whole: no name, scope, restriction or proof of it is there for its caller's later statements.

BEGIN;
SELECT plan(8);
\ir ../support/gateway.sql
\ir ../support/registrar.sql
SELECT audit.create_tenant('tap-a'), audit.enter_tenant_to_keep('tap-a') \gset
SELECT is(concat_ws(' ', current_setting('app.tenant_id'), current_setting('app.scopes'), current_setting('app.scope')), 'tap-a keep,seal keep', 'a tenant is entered');
SELECT is(audit.proven_tenant('keep'), 'tap-a', 'with a proof');
SET LOCAL app.restriction = '{"agent_id": "agent"}';
SELECT lives_ok('SELECT audit.leave_tenant()', 'it is left');
SELECT is(concat(current_setting('app.tenant_id'), current_setting('app.scopes'), current_setting('app.scope'), current_setting('app.proof'),
                 current_setting('app.restriction')), '', 'and all that was set is empty');
SELECT is(audit.proven_tenant('keep'), NULL, 'nothing is proven any more');

SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT audit.leave_tenant()', login), '42501', 'permission denied for function leave_tenant', 'it is not for ' || login)
FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_registrar')) AS l (login);

SELECT * FROM finish();
ROLLBACK;
