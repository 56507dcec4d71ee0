-- Proves: what a function sets for as long as it runs: its search_path, the lists and the export how they are planned, the
-- claim of an Idempotency-Key and the note of a key's use how long they wait, and that no plan is printed where keys and secrets are. Nothing that stands
-- in for a tenant or changes what the policies do. What it sets beyond that is for the transaction alone. And that each is called whenever
-- it is called.

BEGIN;
SELECT plan(15);

SELECT is_empty(
    $$SELECT p.oid::regprocedure, setting FROM pg_proc AS p CROSS JOIN LATERAL unnest(p.proconfig) AS setting
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND setting NOT IN ('debug_print_parse=off', 'debug_print_rewritten=off', 'debug_print_plan=off',
                            'enable_incremental_sort=off', 'enable_seqscan=off', 'enable_bitmapscan=off', 'jit=off',
                            'max_parallel_workers_per_gather=0',
                            'plpgsql.print_strict_params=off', 'quote_all_identifiers=off',
                            'search_path=pg_catalog, pg_temp', 'plan_cache_mode=force_custom_plan',
                            'plan_cache_mode=force_generic_plan', 'lock_timeout=4s', 'lock_timeout=2s', 'lock_timeout=1s',
                            'lock_timeout=15ms', 'enable_sort=off', 'client_min_messages=warning')$$,
    'no function sets anything but its search_path, how it is planned, how long it waits, that it prints no plan and that its warning arrives');
-- A setting of the session would outlive its transaction. No function makes one, but for the horizon up to which nothing is left to seal,
-- which says nothing that pg_current_snapshot() does not say to everybody.
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND regexp_count(p.prosrc, 'set_config\((?!''app\.sealed_horizon'')') > 0
        AND regexp_count(p.prosrc, 'set_config\((?!''app\.sealed_horizon'')') <> regexp_count(p.prosrc, '(?<!current_setting\([^()]*), true\)')$$,
    'every function that sets something sets it for the transaction alone');
-- A plan holds the values at hand, and any session can have its plans printed, to itself and into the server's log.
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND (p.prosecdef OR 'p_api_key' = ANY (p.proargnames) OR p.prosrc ~ '\mapi_key text\M')
        AND NOT p.proconfig @> ARRAY['debug_print_parse=off', 'debug_print_rewritten=off', 'debug_print_plan=off',
                                     'plpgsql.print_strict_params=off']$$,
    'every function that runs as its owner or is handed API keys has no plan printed');
SELECT is(array_agg(p.proname ORDER BY p.proname), ARRAY['begin_export', 'insert_audit_log_batch', 'store_api_key']::name[],
    'as their caller run three of those')
FROM pg_proc AS p
WHERE p.pronamespace = 'audit'::regnamespace AND NOT p.prosecdef AND 'debug_print_plan=off' = ANY (p.proconfig);
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'plan_cache_mode=force_generic_plan' = ANY (p.proconfig)
      ORDER BY p.proname$$,
    ARRAY['admin_events_keyset_page'::name, 'admin_events_page', 'are_pruned', 'block_hashes', 'count_audit_logs', 'count_hours',
          'describe_administration', 'describe_evidence', 'due_batch',
          'erase_records', 'evidence_page', 'export_audit_logs', 'feed_page', 'filtered_page', 'fold_tiles', 'has_due_records', 'held_records', 'keyset_page',
          'leaves_in_window', 'list_audit_logs', 'next_gone_statement', 'next_to_seal', 'prune_batch', 'records_of_user', 'seal_batch', 'seal_remaining'],
    'planned once a session are the lists, the overview, the export, the sealing, and what prunes and erases');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'plan_cache_mode=force_custom_plan' = ANY (p.proconfig)$$,
    'and no function is planned at each call');

SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'lock_timeout=4s' = ANY (p.proconfig)$$,
    ARRAY['claim_idempotency_key'::name], 'less than a proof lasts waits the one that may have to wait');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'lock_timeout=15ms' = ANY (p.proconfig) ORDER BY p.proname$$,
    ARRAY['insert_audit_log_batch'::name, 'seal_records'], 'and hardly at all those for which others wait');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'lock_timeout=1s' = ANY (p.proconfig)$$,
    ARRAY['record_api_key_use'::name], 'and a second the one for which nobody else waits');

SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'quote_all_identifiers=off' = ANY (p.proconfig) ORDER BY p.proname$$,
    ARRAY['findings_of_objects'::name, 'findings_of_policies', 'findings_of_privileges', 'findings_of_roles',
          'granted_privileges', 'unintended_settings'],
    'as ever print names those that compare what they print');

-- Where the planner may choose, it chooses by statistics, which may be missing or old.
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace
        AND p.proconfig @> ARRAY['enable_sort=off', 'enable_incremental_sort=off', 'enable_seqscan=off', 'enable_bitmapscan=off',
                                 'max_parallel_workers_per_gather=0', 'jit=off']
      ORDER BY p.proname$$,
    ARRAY['admin_events_keyset_page'::name, 'block_hashes', 'count_hours', 'describe_evidence', 'due_batch', 'erase_records', 'evidence_page',
          'feed_page', 'fold_tiles', 'has_due_records', 'held_records', 'keyset_page', 'leaves_in_window', 'next_gone_statement', 'next_to_seal', 'prune_batch',
          'records_of_user', 'seal_batch', 'seal_remaining'],
    'the order of an index is the only way of those that read rows in their order');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND p.proconfig @> ARRAY['enable_seqscan=off', 'enable_bitmapscan=off']
        AND NOT 'enable_sort=off' = ANY (p.proconfig)
      ORDER BY p.proname$$,
    ARRAY['are_pruned'::name, 'describe_administration', 'intact_size'], 'and an index the only way of those that look for rows in any order');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND 'jit=off' = ANY (p.proconfig) AND NOT 'enable_sort=off' = ANY (p.proconfig)
      ORDER BY p.proname$$,
    ARRAY['intact_size'::name], 'which is not compiled either');

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
