-- Proves: what a function sets for as long as it runs: its search_path, and the list how it is planned. Nothing that stands
-- in for a tenant or changes what the policies do.

BEGIN;
SELECT plan(2);

SELECT is_empty(
    $$SELECT p.oid::regprocedure, setting FROM pg_proc AS p CROSS JOIN LATERAL unnest(p.proconfig) AS setting
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND setting NOT IN ('search_path=pg_catalog, pg_temp', 'plan_cache_mode=force_custom_plan')$$,
    'no function sets anything but its search_path and how it is planned');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'plan_cache_mode=force_custom_plan' = ANY (p.proconfig)$$,
    ARRAY['list_audit_logs'::name], 'planned anew at each call is the list alone');

SELECT * FROM finish();
ROLLBACK;
