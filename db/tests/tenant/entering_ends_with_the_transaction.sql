-- Proves: what audit.enter_tenant() and audit.set_tenant() set is local to the transaction. A setting of the session would
-- reach the next borrower of a pooled connection.

BEGIN;
SELECT plan(7);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
-- A function with settings of its own takes back, when it ends, what is set locally within it; what is set for the session
-- stays.
CREATE FUNCTION pg_temp.within(p_call text) RETURNS text LANGUAGE plpgsql
SET app.tenant_id = 'before' SET app.scopes = 'before' SET app.proof = 'before' AS $$
BEGIN
    EXECUTE p_call;
    RETURN concat_ws(' ', current_setting('app.tenant_id'), current_setting('app.scopes'), length(current_setting('app.proof')) > 64);
END
$$;
SELECT set_config('app.' || name, 'outside', true) FROM (VALUES ('tenant_id'), ('scopes'), ('proof')) AS s (name) \g /dev/null

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.within(format('SELECT audit.enter_tenant(%L)', :'key_of_a')), 'tap-a read,write t', 'a tenant is entered');
SELECT is(current_setting('app.tenant_id'), 'outside', 'its name was set locally');
SELECT is(current_setting('app.scopes'), 'outside', 'so were its scopes');
SELECT is(current_setting('app.proof'), 'outside', 'so was its proof');
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.within($$SELECT audit.set_tenant('tap-a')$$), 'tap-a before f', 'a tenant is named');
SELECT is(current_setting('app.tenant_id'), 'outside', 'its name was set locally');
SELECT is(pg_temp.within($$SELECT set_config('app.tenant_id', 'kept', false)$$) || ' ' || current_setting('app.tenant_id'),
    'kept before f kept', 'a name that is set for the session would have stayed');

SELECT * FROM finish();
ROLLBACK;
