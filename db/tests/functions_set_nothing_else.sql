-- Proves: what a function sets for as long as it runs: its search_path, the lists, the export and the entry how they are planned,
-- and the claim of an Idempotency-Key how long it waits. Nothing that stands
-- in for a tenant or changes what the policies do. And that each is called whenever it is called.

BEGIN;
SELECT plan(7);

SELECT is_empty(
    $$SELECT p.oid::regprocedure, setting FROM pg_proc AS p CROSS JOIN LATERAL unnest(p.proconfig) AS setting
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND setting NOT IN ('search_path=pg_catalog, pg_temp', 'plan_cache_mode=force_custom_plan',
                            'plan_cache_mode=force_generic_plan', 'lock_timeout=4s', 'lock_timeout=15ms', 'seq_page_cost=1000')$$,
    'no function sets anything but its search_path, how it is planned, and how long it waits');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'plan_cache_mode=force_custom_plan' = ANY (p.proconfig)
      ORDER BY p.proname$$,
    ARRAY['export_audit_logs'::name, 'filtered_audit_logs'], 'planned anew at each call are the export and the list with filters alone');

SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'lock_timeout=4s' = ANY (p.proconfig)$$,
    ARRAY['claim_idempotency_key'::name], 'less than a proof lasts waits the one that may have to wait');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'lock_timeout=15ms' = ANY (p.proconfig)$$,
    ARRAY['insert_audit_log_batch'::name], 'and hardly at all the one for which others wait');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'seq_page_cost=1000' = ANY (p.proconfig)$$,
    ARRAY['set_proven_tenant'::name], 'by its place alone finds its row the one that has just inserted it');

-- STRICT: with an argument unknown a function is not called, and answers NULL where it should refuse.
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.proisstrict$$,
    'no function is skipped when an argument is unknown');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = 'pgmigrate'::regnamespace AND p.provolatile = 'i'$$,
    'no function of pgmigrate is folded at planning: they read and write a table');

SELECT * FROM finish();
ROLLBACK;
