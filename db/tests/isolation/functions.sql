-- Proves: how every function runs: as whom, with which search_path, and whether it may be trusted by the planner.
-- Asked of the catalogue, so that a function added tomorrow is covered.

BEGIN;
SELECT plan(14);

SELECT functions_are('audit', ARRAY[
    'admin_events_cursor', 'admin_events_keyset_page', 'admin_events_page', 'append_audit_log', 'append_audit_logs',
    'append_leaves', 'append_records', 'are_repeated', 'are_stored', 'begin_epoch', 'begin_evidence', 'begin_export',
    'begin_proven_evidence', 'block_hashes', 'claim_idempotency_key', 'consistency_path', 'context_filter', 'continue_export',
    'create_tenant', 'describe_api_key', 'enter_tenant', 'enter_tenant_to_sign', 'enter_tree_to_sign', 'epoch_leaf_line',
    'evidence_header', 'evidence_leaves', 'evidence_page', 'evidence_part', 'evidence_window', 'export_audit_logs',
    'export_proven_audit_logs', 'filtered_page', 'findings_of_objects', 'findings_of_policies', 'findings_of_privileges',
    'findings_of_roles', 'get_audit_log', 'get_checkpoint', 'get_consistency_proof', 'get_inclusion_proof', 'get_leaf',
    'get_proven_audit_log', 'get_proven_checkpoint', 'get_proven_consistency_proof', 'get_proven_inclusion_proof',
    'get_proven_leaf', 'granted_privileges', 'import_audit_log_batch', 'import_audit_logs', 'import_history', 'inclusion_path',
    'insert_audit_log', 'insert_audit_log_batch', 'insert_audit_logs', 'intact_size', 'intended_privileges', 'is_context',
    'isolation_report', 'issue_api_key', 'keyset_page', 'leaf_of_record', 'leave_tenant_to_sign', 'leaves_in_window',
    'list_admin_events', 'list_all_admin_events', 'list_api_keys', 'list_audit_logs', 'list_proven_admin_events',
    'list_proven_audit_logs', 'list_tenants', 'list_tree_heads', 'next_to_seal', 'omitted_lines', 'outdated_server',
    'page_cursor', 'parent_hashes', 'parsed_context', 'private_leaf_line', 'proven_api_key', 'proven_tenant', 'proven_writer',
    'record_admin_event', 'record_api_key_event', 'record_api_key_use', 'record_export', 'record_leaf_line', 'record_rules',
    'replay_audit_logs', 'required_proven_tenant', 'required_tenant', 'required_tree', 'revoke_api_key', 'root_of_size',
    'rotate_api_key', 'rotate_proof_secret', 'rule_in_words', 'schema_version', 'seal_batch', 'seal_records', 'seal_remaining',
    'sealing_lag', 'set_proven_tenant', 'set_tenant', 'signer_consistency_proof', 'signer_epoch_statement', 'snapshot_end',
    'store_audit_logs', 'store_checkpoint', 'subtree_hash', 'subtree_path', 'tenant_proof', 'tenant_source',
    'transaction_identity', 'tree_edge', 'tree_root', 'unintended_settings', 'uuid_v7', 'wal_position', 'writing_tenant'],
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
    ARRAY['audit.are_stored(json)',
          'audit.begin_epoch(text,json)',
          'audit.begin_proven_evidence(timestamp with time zone,timestamp with time zone)',
          'audit.claim_idempotency_key(text,bytea,text)',
          'audit.create_tenant(text,text)',
          'audit.describe_api_key(text)',
          'audit.enter_tenant(text,text)',
          'audit.export_proven_audit_logs()',
          'audit.get_proven_audit_log(uuid)',
          'audit.get_proven_checkpoint(integer,bigint)',
          'audit.get_proven_consistency_proof(bigint,bigint,integer)',
          'audit.get_proven_inclusion_proof(uuid,bigint)',
          'audit.get_proven_leaf(uuid)',
          'audit.import_audit_log_batch(json,integer)',
          'audit.issue_api_key(text,text,text[],timestamp with time zone)',
          'audit.list_all_admin_events(text,text,text,timestamp with time zone,timestamp with time zone,integer,text,text)',
          'audit.list_api_keys(text)',
          'audit.list_proven_admin_events(integer,text,text,timestamp with time zone,timestamp with time zone,text,text)',
          'audit.list_proven_audit_logs(text,text,text,text,text,integer,timestamp with time zone,timestamp with time zone,'
              || 'integer,text,text,text,json)',
          'audit.list_tenants()',
          'audit.list_tree_heads()',
          'audit.proven_tenant(text)',
          'audit.record_api_key_use(text)',
          'audit.record_export(text)',
          'audit.replay_audit_logs(json)',
          'audit.revoke_api_key(text)',
          'audit.rotate_api_key(text,interval)',
          'audit.rotate_proof_secret()',
          'audit.schema_version()',
          'audit.seal_records(integer)',
          'audit.sealing_lag()',
          'audit.signer_consistency_proof(text,integer,bigint,bigint)',
          'audit.signer_epoch_statement(text,integer)',
          'audit.store_checkpoint(text,integer,bigint,bytea,text)'],
    'these functions run as their owner, all others as their caller');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.prosecdef
        AND obj_description(p.oid, 'pg_proc') NOT LIKE '%SECURITY DEFINER: %'$$,
    'the comment of each that runs as its owner says why');
SELECT is_empty(
    $$SELECT p.oid::regprocedure, p.proowner::regrole FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.proowner <> 'audit_owner'::regrole$$,
    'every function belongs to audit_owner');
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

-- The planner's promises. What reads a setting or a table is at best STABLE; what writes or differs at each call VOLATILE.
SELECT results_eq(
    $$SELECT p.proname, CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END, l.lanname
      FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
      WHERE p.pronamespace = 'audit'::regnamespace ORDER BY p.proname$$,
    $$VALUES
        ('admin_events_cursor'::name, 'IMMUTABLE', 'plpgsql'::name),
        ('admin_events_keyset_page', 'STABLE', 'plpgsql'),
        ('admin_events_page', 'STABLE', 'plpgsql'),
        ('append_audit_log', 'VOLATILE', 'plpgsql'),
        ('append_audit_logs', 'VOLATILE', 'plpgsql'),
        ('append_leaves', 'VOLATILE', 'plpgsql'),
        ('append_records', 'VOLATILE', 'plpgsql'),
        ('are_repeated', 'STABLE', 'plpgsql'),
        ('are_stored', 'STABLE', 'plpgsql'),
        ('begin_epoch', 'VOLATILE', 'plpgsql'),
        ('begin_evidence', 'STABLE', 'plpgsql'),
        ('begin_export', 'VOLATILE', 'plpgsql'),
        ('begin_proven_evidence', 'STABLE', 'plpgsql'),
        ('block_hashes', 'STABLE', 'plpgsql'),
        ('claim_idempotency_key', 'VOLATILE', 'plpgsql'),
        ('consistency_path', 'STABLE', 'plpgsql'),
        ('context_filter', 'IMMUTABLE', 'plpgsql'),
        ('continue_export', 'VOLATILE', 'plpgsql'),
        ('create_tenant', 'VOLATILE', 'plpgsql'),
        ('describe_api_key', 'VOLATILE', 'plpgsql'),
        ('enter_tenant', 'VOLATILE', 'plpgsql'),
        ('enter_tenant_to_sign', 'VOLATILE', 'plpgsql'),
        ('enter_tree_to_sign', 'VOLATILE', 'plpgsql'),
        ('epoch_leaf_line', 'STABLE', 'plpgsql'),
        ('evidence_header', 'STABLE', 'plpgsql'),
        ('evidence_leaves', 'STABLE', 'plpgsql'),
        ('evidence_page', 'STABLE', 'plpgsql'),
        ('evidence_part', 'STABLE', 'plpgsql'),
        ('evidence_window', 'STABLE', 'plpgsql'),
        ('export_audit_logs', 'STABLE', 'plpgsql'),
        ('export_proven_audit_logs', 'STABLE', 'plpgsql'),
        ('filtered_page', 'STABLE', 'plpgsql'),
        ('findings_of_objects', 'STABLE', 'plpgsql'),
        ('findings_of_policies', 'STABLE', 'plpgsql'),
        ('findings_of_privileges', 'STABLE', 'plpgsql'),
        ('findings_of_roles', 'STABLE', 'plpgsql'),
        ('get_audit_log', 'STABLE', 'plpgsql'),
        ('get_checkpoint', 'STABLE', 'plpgsql'),
        ('get_consistency_proof', 'STABLE', 'plpgsql'),
        ('get_inclusion_proof', 'STABLE', 'plpgsql'),
        ('get_leaf', 'STABLE', 'plpgsql'),
        ('get_proven_audit_log', 'STABLE', 'plpgsql'),
        ('get_proven_checkpoint', 'STABLE', 'plpgsql'),
        ('get_proven_consistency_proof', 'STABLE', 'plpgsql'),
        ('get_proven_inclusion_proof', 'STABLE', 'plpgsql'),
        ('get_proven_leaf', 'STABLE', 'plpgsql'),
        ('granted_privileges', 'STABLE', 'sql'),
        ('import_audit_log_batch', 'VOLATILE', 'plpgsql'),
        ('import_audit_logs', 'VOLATILE', 'plpgsql'),
        ('import_history', 'VOLATILE', 'plpgsql'),
        ('inclusion_path', 'STABLE', 'plpgsql'),
        ('insert_audit_log', 'VOLATILE', 'plpgsql'),
        ('insert_audit_log_batch', 'VOLATILE', 'plpgsql'),
        ('insert_audit_logs', 'VOLATILE', 'plpgsql'),
        ('intact_size', 'STABLE', 'plpgsql'),
        ('intended_privileges', 'IMMUTABLE', 'sql'),
        ('is_context', 'IMMUTABLE', 'plpgsql'),
        ('isolation_report', 'STABLE', 'plpgsql'),
        ('issue_api_key', 'VOLATILE', 'plpgsql'),
        ('keyset_page', 'STABLE', 'plpgsql'),
        ('leaf_of_record', 'STABLE', 'plpgsql'),
        ('leave_tenant_to_sign', 'VOLATILE', 'plpgsql'),
        ('leaves_in_window', 'STABLE', 'plpgsql'),
        ('list_admin_events', 'STABLE', 'plpgsql'),
        ('list_all_admin_events', 'STABLE', 'plpgsql'),
        ('list_api_keys', 'STABLE', 'sql'),
        ('list_audit_logs', 'STABLE', 'plpgsql'),
        ('list_proven_admin_events', 'STABLE', 'plpgsql'),
        ('list_proven_audit_logs', 'STABLE', 'plpgsql'),
        ('list_tenants', 'STABLE', 'sql'),
        ('list_tree_heads', 'VOLATILE', 'plpgsql'),
        ('next_to_seal', 'STABLE', 'plpgsql'),
        ('omitted_lines', 'STABLE', 'plpgsql'),
        ('outdated_server', 'STABLE', 'plpgsql'),
        ('page_cursor', 'IMMUTABLE', 'plpgsql'),
        ('parent_hashes', 'IMMUTABLE', 'plpgsql'),
        ('parsed_context', 'IMMUTABLE', 'plpgsql'),
        ('private_leaf_line', 'STABLE', 'plpgsql'),
        ('proven_api_key', 'STABLE', 'plpgsql'),
        ('proven_tenant', 'STABLE', 'plpgsql'),
        ('proven_writer', 'STABLE', 'plpgsql'),
        ('record_admin_event', 'VOLATILE', 'plpgsql'),
        ('record_api_key_event', 'VOLATILE', 'plpgsql'),
        ('record_api_key_use', 'VOLATILE', 'plpgsql'),
        ('record_export', 'VOLATILE', 'plpgsql'),
        ('record_leaf_line', 'STABLE', 'plpgsql'),
        ('record_rules', 'STABLE', 'sql'),
        ('replay_audit_logs', 'VOLATILE', 'plpgsql'),
        ('required_proven_tenant', 'STABLE', 'plpgsql'),
        ('required_tenant', 'STABLE', 'plpgsql'),
        ('required_tree', 'STABLE', 'plpgsql'),
        ('revoke_api_key', 'VOLATILE', 'plpgsql'),
        ('root_of_size', 'STABLE', 'plpgsql'),
        ('rotate_api_key', 'VOLATILE', 'plpgsql'),
        ('rotate_proof_secret', 'VOLATILE', 'plpgsql'),
        ('rule_in_words', 'STABLE', 'plpgsql'),
        ('schema_version', 'STABLE', 'sql'),
        ('seal_batch', 'VOLATILE', 'plpgsql'),
        ('seal_records', 'VOLATILE', 'plpgsql'),
        ('seal_remaining', 'VOLATILE', 'plpgsql'),
        ('sealing_lag', 'VOLATILE', 'plpgsql'),
        ('set_proven_tenant', 'VOLATILE', 'plpgsql'),
        ('set_tenant', 'VOLATILE', 'plpgsql'),
        ('signer_consistency_proof', 'VOLATILE', 'plpgsql'),
        ('signer_epoch_statement', 'VOLATILE', 'plpgsql'),
        ('snapshot_end', 'IMMUTABLE', 'plpgsql'),
        ('store_audit_logs', 'VOLATILE', 'plpgsql'),
        ('store_checkpoint', 'VOLATILE', 'plpgsql'),
        ('subtree_hash', 'STABLE', 'plpgsql'),
        ('subtree_path', 'STABLE', 'plpgsql'),
        ('tenant_proof', 'STABLE', 'plpgsql'),
        ('tenant_source', 'STABLE', 'plpgsql'),
        ('transaction_identity', 'STABLE', 'plpgsql'),
        ('tree_edge', 'STABLE', 'plpgsql'),
        ('tree_root', 'IMMUTABLE', 'plpgsql'),
        ('unintended_settings', 'STABLE', 'sql'),
        ('uuid_v7', 'VOLATILE', 'plpgsql'),
        ('wal_position', 'STABLE', 'plpgsql'),
        ('writing_tenant', 'STABLE', 'plpgsql')$$,
    'volatility and language of every function, those called often in plpgsql');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND p.provolatile = 'i'
        AND p.prosrc ~* 'current_setting|session_user|current_user|from\s+(audit|pg_)'$$,
    'what is IMMUTABLE reads no setting, no table and not who is asking');
-- A parallel worker is another backend, in which no proof is genuine: rows that it reads would be missing without an error.
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.proparallel = 's'$$,
    'no function is PARALLEL SAFE');
SELECT results_eq(
    $$SELECT p.proname FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND p.proparallel = 'r' ORDER BY p.proname$$,
    ARRAY['proven_api_key', 'proven_tenant', 'proven_writer', 'required_proven_tenant', 'tenant_proof', 'transaction_identity', 'writing_tenant']::name[],
    'PARALLEL RESTRICTED, for the leader of a parallel plan alone, are those that make or check a proof');
-- A time without a zone turns the condition on created_at from one of the index into a filter over all records.
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace
        AND coalesce(p.proallargtypes::oid[], p.proargtypes::oid[])
            && ARRAY['timestamp'::regtype, 'date'::regtype, 'time'::regtype]::oid[]$$,
    'no function takes or returns a time without a zone');

SELECT * FROM finish();
ROLLBACK;
