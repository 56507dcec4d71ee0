-- Proves: outside schema audit nothing runs as somebody else, and no extension brings a way out of the database. A function
-- that runs as a superuser reads every record, whichever schema it stands in; dblink comes back as another role.

BEGIN;
SELECT plan(7);

PREPARE run_as_owner AS
    SELECT format('%s.%s', p.pronamespace::regnamespace, p.proname) COLLATE "default" FROM pg_proc AS p
    WHERE p.prosecdef AND p.pronamespace NOT IN ('audit'::regnamespace, 'pg_catalog'::regnamespace) ORDER BY 1;
PREPARE extensions AS
    SELECT e.extname FROM pg_extension AS e WHERE e.extname NOT IN ('plpgsql', 'pgtap') ORDER BY 1;
SELECT is_empty('EXECUTE run_as_owner', 'no function outside the schema runs as its owner');
SELECT is_empty('EXECUTE extensions', 'no extension but the language of our functions and the one that tests them');
SELECT is_empty($$SELECT lanname FROM pg_language WHERE lanpltrusted AND lanname NOT IN ('plpgsql', 'sql')$$,
    'no other language may be used by everybody');

CREATE FUNCTION public.tap_reader() RETURNS SETOF audit.audit_logs LANGUAGE sql SECURITY DEFINER AS 'TABLE audit.audit_logs';
SELECT results_eq('EXECUTE run_as_owner', ARRAY['public.tap_reader'], 'one that is made is noticed');
SELECT audit.create_tenant('tap-a') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is((SELECT count(*) FROM public.tap_reader() WHERE tenant_id = 'tap-a'), 1::bigint, 'for it would read everything, for everybody');
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', NULL, 'where the service reads nothing');

RESET SESSION AUTHORIZATION;
ALTER FUNCTION public.tap_reader() SECURITY INVOKER;
SELECT is_empty('EXECUTE run_as_owner', 'run as its caller it is harmless');

SELECT * FROM finish();
ROLLBACK;
