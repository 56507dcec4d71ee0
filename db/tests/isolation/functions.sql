-- Proves: how every function runs: as whom, and with which search_path. What the planner may take for granted is in
-- promises_to_the_planner.sql. Asked of the catalogue, so that a function added tomorrow is covered.

BEGIN;
SELECT plan(11);

SELECT functions_are('audit', ARRAY[
    'admin_events_cursor', 'admin_events_keyset_page', 'admin_events_page', 'append_audit_log', 'append_audit_logs',
    'append_gone_statements', 'append_leaves', 'append_records', 'append_statement', 'are_pruned', 'are_repeated',
    'are_stored', 'begin_epoch', 'begin_evidence', 'begin_export', 'begin_proven_evidence', 'begin_tree', 'block_hashes',
    'canonical_restriction', 'claim_idempotency_key', 'cloud_event', 'confirm_release', 'consistency_path', 'context_filter',
    'continue_export', 'count_audit_logs', 'count_due_records', 'count_hours', 'count_proven_audit_logs', 'create_tenant',
    'describe_administration', 'describe_api_key', 'describe_evidence', 'due_batch', 'end_keys_of_user', 'enter_tenant',
    'enter_tenant_to_keep', 'enter_tenant_to_sign', 'enter_tree_to_sign', 'epoch_leaf_line', 'erase_record',
    'erase_records', 'erase_user', 'evidence_header', 'evidence_leaves', 'evidence_page', 'evidence_part',
    'evidence_window', 'export_audit_logs', 'export_proven_audit_logs', 'feed_page', 'feed_position', 'filtered_page', 'findings_of_objects',
    'findings_of_policies', 'findings_of_privileges', 'findings_of_roles', 'fold_tiles', 'get_audit_log', 'get_checkpoint',
    'get_consistency_proof', 'get_inclusion_proof', 'get_leaf', 'get_proven_audit_log', 'get_proven_checkpoint',
    'get_proven_consistency_proof', 'get_proven_inclusion_proof', 'get_proven_leaf', 'gone_leaf_line', 'granted_privileges',
    'has_due_records', 'held_records', 'import_audit_log_batch', 'import_audit_logs', 'import_history', 'inclusion_path',
    'insert_audit_log', 'insert_audit_log_batch', 'insert_audit_logs', 'intact_size', 'intended_privileges', 'is_context',
    'is_restriction', 'isolation_report', 'issue_api_key', 'issue_view_link', 'keyset_page', 'leaf_of_record',
    'leave_tenant', 'leaves_in_window', 'list_admin_events', 'list_all_admin_events', 'list_api_keys', 'list_audit_logs',
    'list_holds', 'list_proven_admin_events', 'list_proven_audit_logs', 'list_retention', 'list_tenants', 'list_tree_heads',
    'list_view_links', 'listen_to_sealing', 'lock_tree_to_keep', 'next_gone_statement', 'next_to_seal', 'note_looked_at',
    'ocsf_event', 'offboarding',
    'omitted_lines', 'open_view_link', 'outdated_server', 'page_cursor', 'parent_hashes', 'parsed_context', 'place_hold',
    'private_leaf_line', 'proven_api_key', 'proven_restricted_tenant', 'proven_restriction', 'proven_tenant',
    'proven_writer', 'prune_batch', 'prune_records', 'prune_tenant', 'read_feed', 'read_proven_feed', 'record_admin_event', 'record_api_key_event',
    'record_api_key_use', 'record_export', 'record_keeping_event', 'record_leaf_line', 'record_pruned_ids', 'record_rules',
    'record_view_link_event', 'records_of_user', 'refresh_statistics', 'release_hold', 'replay_audit_logs',
    'required_proven_part', 'required_proven_tenant', 'required_tenant', 'required_tree', 'revoke_api_key',
    'rest_after', 'revoke_view_link', 'root_of_size', 'rotate_api_key', 'rotate_proof_secret', 'rule_in_words', 'schema_version',
    'seal_batch', 'seal_records', 'seal_remaining', 'sealing_horizon', 'sealing_lag', 'set_proven_tenant', 'set_retention',
    'set_retention_rules', 'set_tenant', 'signer_consistency_proof', 'signer_epoch_statement', 'snapshot_end', 'space_used',
    'store_api_key', 'store_audit_logs', 'store_checkpoint', 'subtree_hash', 'subtree_path', 'summarize_audit_logs',
    'summarize_proven_audit_logs', 'tenant_proof', 'tenant_source', 'transaction_identity', 'tree_edge', 'tree_root',
    'unintended_settings', 'uuid_v7', 'wal_position', 'within_restriction', 'writing_tenant'],
    'schema audit has these functions');
SELECT is_empty(
    $$SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace GROUP BY p.proname HAVING count(*) > 1$$,
    'no function is overloaded: a second form could carry other privileges under a known name');

-- pg_temp last: left out, it would be searched first.
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)$$,
    'every function sets search_path = pg_catalog, pg_temp');
SELECT results_eq(
    $$SELECT p.oid::regprocedure::text FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.prosecdef ORDER BY p.proname$$,
    ARRAY['audit.append_gone_statements(text,text,integer[],bigint[],timestamp with time zone,timestamp with time zone[],text,integer)',
          'audit.are_pruned(uuid[])',
          'audit.are_stored(json)',
          'audit.begin_epoch(text,json)',
          'audit.begin_proven_evidence(timestamp with time zone,timestamp with time zone)',
          'audit.claim_idempotency_key(text,bytea,text)',
          'audit.confirm_release(uuid)',
          'audit.count_due_records()',
          'audit.count_proven_audit_logs(text,text,text,text,text,integer,timestamp with time zone,'
              || 'timestamp with time zone,text,json)',
          'audit.create_tenant(text,text)',
          'audit.describe_administration()',
          'audit.describe_api_key(text)',
          'audit.end_keys_of_user(text,text)',
          'audit.enter_tenant(text,text)',
          'audit.enter_tenant_to_keep(text)',
          'audit.erase_record(text,uuid,text)',
          'audit.erase_user(text,text,text,integer,timestamp with time zone,uuid)',
          'audit.export_proven_audit_logs()',
          'audit.get_proven_audit_log(uuid)',
          'audit.get_proven_checkpoint(integer,bigint)',
          'audit.get_proven_consistency_proof(bigint,bigint,integer)',
          'audit.get_proven_inclusion_proof(uuid,bigint)',
          'audit.get_proven_leaf(uuid)',
          'audit.import_audit_log_batch(json,integer)',
          'audit.issue_api_key(text,text,text[],timestamp with time zone)',
          'audit.issue_view_link(text,text,timestamp with time zone,integer,json)',
          'audit.list_all_admin_events(text,text,text,timestamp with time zone,timestamp with time zone,integer,text,text)',
          'audit.list_api_keys(text)',
          'audit.list_holds(text)',
          'audit.list_proven_admin_events(integer,text,text,timestamp with time zone,timestamp with time zone,text,text)',
          'audit.list_proven_audit_logs(text,text,text,text,text,integer,timestamp with time zone,'
              || 'timestamp with time zone,integer,text,text,text,json)',
          'audit.list_retention(text)',
          'audit.list_tenants()',
          'audit.list_tree_heads()',
          'audit.list_view_links(text)',
          'audit.lock_tree_to_keep(text,boolean)',
          'audit.note_looked_at(text[])',
          'audit.offboarding(text)',
          'audit.open_view_link(text)',
          'audit.place_hold(text,text,text,text,text,text,timestamp with time zone,timestamp with time zone)',
          'audit.proven_tenant(text)',
          'audit.prune_records(integer)',
          'audit.read_proven_feed(text,integer,text)',
          'audit.record_api_key_use(text)',
          'audit.record_export(text,jsonb)',
          'audit.record_keeping_event(text,text,jsonb)',
          'audit.record_pruned_ids(uuid[])',
          'audit.refresh_statistics()',
          'audit.release_hold(uuid,text)',
          'audit.replay_audit_logs(json)',
          'audit.revoke_api_key(text)',
          'audit.revoke_view_link(text)',
          'audit.rotate_api_key(text,interval)',
          'audit.rotate_proof_secret()',
          'audit.schema_version()',
          'audit.seal_records(integer)',
          'audit.sealing_lag()',
          'audit.set_retention(text,integer,integer)',
          'audit.signer_consistency_proof(text,integer,bigint,bigint)',
          'audit.signer_epoch_statement(text,integer)',
          'audit.store_checkpoint(text,integer,bigint,bytea,text)',
          'audit.summarize_proven_audit_logs(integer)'],
    'these functions run as their owner, all others as their caller');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.prosecdef
        AND obj_description(p.oid, 'pg_proc') NOT LIKE '%SECURITY DEFINER: %'$$,
    'the comment of each that runs as its owner says why');
SELECT is_empty(
    $$SELECT p.oid::regprocedure, p.proowner::regrole FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND p.proowner NOT IN ('audit_owner'::regrole, 'audit_keeper'::regrole)$$,
    'every function belongs to audit_owner or audit_keeper');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p WHERE p.proowner = 'audit_keeper'::regrole ORDER BY p.proname$$,
    ARRAY['count_due_records', 'due_batch', 'erase_record', 'erase_records', 'erase_user', 'fold_tiles', 'has_due_records',
          'held_records', 'prune_batch', 'prune_records', 'prune_tenant', 'records_of_user', 'rest_after']::name[],
    'those that prune and erase belong to audit_keeper, and no other');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.proleakproof$$,
    'no function is LEAKPROOF: the planner would run it on rows that the policies hide');
SELECT is_empty(
    $$SELECT p.oid::regprocedure, l.lanname FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND l.lanname NOT IN ('plpgsql', 'sql')$$,
    'every function is in plpgsql or SQL');
-- The body of one in SQL is resolved when it is made, that of one in PL/pgSQL when it is called.
SELECT is_empty(
    $$SELECT p.oid::regprocedure, other.proname FROM pg_proc AS p
      JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'sql'
      JOIN pg_proc AS other ON other.pronamespace = 'audit'::regnamespace AND p.prosrc ~ ('\maudit\.' || other.proname || '\M\s*\(')
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)$$,
    'no function in SQL calls another of ours: their order in a migration does not matter');

-- A time without a zone turns the condition on created_at from one of the index into a filter over all records.
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace
        AND coalesce(p.proallargtypes::oid[], p.proargtypes::oid[])
            && ARRAY['timestamp'::regtype, 'date'::regtype, 'time'::regtype]::oid[]$$,
    'no function takes or returns a time without a zone');

SELECT * FROM finish();
ROLLBACK;
