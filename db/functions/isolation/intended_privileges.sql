-- The whole access matrix of schema audit on one page. audit.isolation_report() compares it with what is granted;
-- a privilege that is granted and not listed here is a finding.

CREATE OR REPLACE FUNCTION audit.intended_privileges()
RETURNS TABLE (grantee text, object_type text, object text, privilege text)
LANGUAGE sql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT grantee, i.object_type, i.object, i.privilege
    FROM (VALUES
        ('schema',   'audit',                           'USAGE',   'audit_trusted audit_keyed audit_admin audit_sealer audit_signer'),
        ('table',    'audit.tenants',                   'SELECT',  'audit_trusted'),
        ('table',    'audit.admin_events',              'SELECT',  'audit_trusted'),
        -- Not recorded_xid: it would tell one tenant how busy the others are.
        ('column',   'audit.audit_logs.id',           'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.trace_id',     'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.tenant_id',    'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.agent_id',     'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.mode',         'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.status',       'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.http_status',  'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.latency_ms',   'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.user_id',      'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.error',        'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.created_at',   'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.recorded_at',  'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.api_key_id',   'SELECT',  'audit_trusted'),
        ('column',   'audit.audit_logs.context',      'SELECT',  'audit_trusted'),
        -- Not created_at and recorded_at, the server's clock, nor recorded_xid and api_key_id.
        ('column',   'audit.audit_logs.id',             'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.trace_id',       'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.tenant_id',      'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.agent_id',       'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.mode',           'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.status',         'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.http_status',    'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.latency_ms',     'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.user_id',        'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.error',          'INSERT',  'audit_trusted audit_keyed'),
        ('column',   'audit.audit_logs.context',        'INSERT',  'audit_trusted audit_keyed'),
        ('table',    'audit.seals',                     'SELECT',  'audit_trusted'),
        ('table',    'audit.seal_nodes',                'SELECT',  'audit_trusted'),
        ('table',    'audit.checkpoints',               'SELECT',  'audit_trusted'),
        -- Not sealed_xid: it would tell one tenant how busy the others are.
        ('column',   'audit.trees.tenant_id',           'SELECT',  'audit_trusted'),
        ('column',   'audit.trees.epoch',               'SELECT',  'audit_trusted'),
        ('column',   'audit.trees.size',                'SELECT',  'audit_trusted'),
        ('column',   'audit.trees.root',                'SELECT',  'audit_trusted'),
        ('column',   'audit.trees.frontier',            'SELECT',  'audit_trusted'),
        ('column',   'audit.trees.began_at',            'SELECT',  'audit_trusted'),
        -- functions/record
        ('function', 'audit.context_filter',            'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.is_context',                'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.parsed_context',            'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.record_rules',              'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.rule_in_words',             'EXECUTE', 'audit_admin'),
        ('function', 'audit.uuid_v7',                   'EXECUTE', 'audit_trusted audit_keyed'),
        -- functions/tenant
        ('function', 'audit.enter_tenant',              'EXECUTE', 'audit_keyed'),
        ('function', 'audit.proven_tenant',             'EXECUTE', 'audit_keyed'),
        ('function', 'audit.proven_writer',             'EXECUTE', 'audit_keyed'),
        ('function', 'audit.required_tenant',           'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.set_tenant',                'EXECUTE', 'audit_trusted'),
        ('function', 'audit.tenant_source',             'EXECUTE', 'audit_trusted audit_keyed'),
        -- functions/events
        ('function', 'audit.record_api_key_use',        'EXECUTE', 'audit_keyed'),
        ('function', 'audit.record_export',             'EXECUTE', 'audit_trusted audit_keyed'),
        -- functions/keys
        ('function', 'audit.create_tenant',             'EXECUTE', 'audit_admin'),
        ('function', 'audit.describe_api_key',          'EXECUTE', 'audit_keyed'),
        ('function', 'audit.issue_api_key',             'EXECUTE', 'audit_admin'),
        ('function', 'audit.list_api_keys',             'EXECUTE', 'audit_admin'),
        ('function', 'audit.list_tenants',              'EXECUTE', 'audit_admin'),
        ('function', 'audit.revoke_api_key',            'EXECUTE', 'audit_admin'),
        ('function', 'audit.rotate_api_key',            'EXECUTE', 'audit_admin'),
        ('function', 'audit.rotate_proof_secret',       'EXECUTE', 'audit_admin'),
        -- functions/write
        ('function', 'audit.append_audit_log',          'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.append_audit_logs',         'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.claim_idempotency_key',     'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.import_audit_log_batch',    'EXECUTE', 'audit_keyed'),
        ('function', 'audit.import_audit_logs',         'EXECUTE', 'audit_keyed'),
        ('function', 'audit.import_history',            'EXECUTE', 'audit_keyed'),
        ('function', 'audit.insert_audit_log',          'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.insert_audit_log_batch',    'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.insert_audit_logs',         'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.are_repeated',              'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.are_stored',                'EXECUTE', 'audit_keyed'),
        ('function', 'audit.replay_audit_logs',         'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.store_audit_logs',          'EXECUTE', 'audit_trusted audit_keyed'),
        -- functions/read
        ('function', 'audit.admin_events_cursor',       'EXECUTE', 'audit_trusted'),
        ('function', 'audit.admin_events_keyset_page',  'EXECUTE', 'audit_trusted'),
        ('function', 'audit.admin_events_page',         'EXECUTE', 'audit_trusted'),
        ('function', 'audit.filtered_page',             'EXECUTE', 'audit_trusted'),
        ('function', 'audit.get_audit_log',             'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.get_proven_audit_log',      'EXECUTE', 'audit_keyed'),
        ('function', 'audit.keyset_page',               'EXECUTE', 'audit_trusted'),
        ('function', 'audit.list_admin_events',         'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.list_all_admin_events',     'EXECUTE', 'audit_admin'),
        ('function', 'audit.list_audit_logs',           'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.list_proven_admin_events',  'EXECUTE', 'audit_keyed'),
        ('function', 'audit.list_proven_audit_logs',    'EXECUTE', 'audit_keyed'),
        ('function', 'audit.page_cursor',               'EXECUTE', 'audit_trusted audit_keyed'),
        -- functions/seal
        ('function', 'audit.begin_epoch',               'EXECUTE', 'audit_admin'),
        ('function', 'audit.private_leaf_line',         'EXECUTE', 'audit_trusted'),
        ('function', 'audit.record_leaf_line',          'EXECUTE', 'audit_trusted'),
        ('function', 'audit.seal_records',              'EXECUTE', 'audit_trusted audit_keyed audit_sealer'),
        ('function', 'audit.sealing_lag',               'EXECUTE', 'audit_sealer'),
        ('function', 'audit.tree_root',                 'EXECUTE', 'audit_trusted'),
        -- functions/evidence
        ('function', 'audit.begin_evidence',            'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.begin_proven_evidence',     'EXECUTE', 'audit_keyed'),
        ('function', 'audit.block_hashes',              'EXECUTE', 'audit_trusted'),
        ('function', 'audit.consistency_path',          'EXECUTE', 'audit_trusted'),
        ('function', 'audit.evidence_header',           'EXECUTE', 'audit_trusted'),
        ('function', 'audit.evidence_leaves',           'EXECUTE', 'audit_trusted'),
        ('function', 'audit.evidence_page',             'EXECUTE', 'audit_trusted'),
        ('function', 'audit.evidence_part',             'EXECUTE', 'audit_trusted'),
        ('function', 'audit.evidence_window',           'EXECUTE', 'audit_trusted'),
        ('function', 'audit.get_checkpoint',            'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.get_consistency_proof',     'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.get_inclusion_proof',       'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.get_leaf',                  'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.get_proven_checkpoint',     'EXECUTE', 'audit_keyed'),
        ('function', 'audit.get_proven_consistency_proof', 'EXECUTE', 'audit_keyed'),
        ('function', 'audit.get_proven_inclusion_proof', 'EXECUTE', 'audit_keyed'),
        ('function', 'audit.get_proven_leaf',           'EXECUTE', 'audit_keyed'),
        ('function', 'audit.inclusion_path',            'EXECUTE', 'audit_trusted'),
        ('function', 'audit.leaf_of_record',            'EXECUTE', 'audit_trusted'),
        ('function', 'audit.leaves_in_window',          'EXECUTE', 'audit_trusted'),
        ('function', 'audit.list_tree_heads',           'EXECUTE', 'audit_signer'),
        ('function', 'audit.omitted_lines',             'EXECUTE', 'audit_trusted'),
        ('function', 'audit.parent_hashes',             'EXECUTE', 'audit_trusted'),
        ('function', 'audit.required_tree',             'EXECUTE', 'audit_trusted'),
        ('function', 'audit.root_of_size',              'EXECUTE', 'audit_trusted'),
        ('function', 'audit.signer_consistency_proof',  'EXECUTE', 'audit_signer'),
        ('function', 'audit.signer_epoch_statement',    'EXECUTE', 'audit_signer'),
        ('function', 'audit.store_checkpoint',          'EXECUTE', 'audit_signer'),
        ('function', 'audit.subtree_hash',              'EXECUTE', 'audit_trusted'),
        ('function', 'audit.subtree_path',              'EXECUTE', 'audit_trusted'),
        ('function', 'audit.tree_edge',                 'EXECUTE', 'audit_trusted'),
        -- functions/export
        ('function', 'audit.begin_export',              'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.continue_export',           'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.export_audit_logs',         'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.export_proven_audit_logs',  'EXECUTE', 'audit_keyed'),
        -- functions/isolation
        ('function', 'audit.findings_of_objects',       'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        ('function', 'audit.findings_of_policies',      'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        ('function', 'audit.findings_of_privileges',    'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        ('function', 'audit.findings_of_roles',         'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        ('function', 'audit.granted_privileges',        'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        ('function', 'audit.intended_privileges',       'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        ('function', 'audit.isolation_report',          'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        ('function', 'audit.unintended_settings',       'EXECUTE', 'audit_trusted audit_keyed audit_admin'),
        -- functions/release
        ('function', 'audit.outdated_server',           'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.wal_position',              'EXECUTE', 'audit_trusted audit_keyed'),
        ('function', 'audit.schema_version',            'EXECUTE', 'audit_trusted audit_keyed audit_admin audit_sealer audit_signer')
    ) AS i (object_type, object, privilege, grantees)
    CROSS JOIN string_to_table(i.grantees, ' ') AS grantee
$$;

COMMENT ON FUNCTION audit.intended_privileges IS
    'Every privilege that any role but audit_owner is meant to have in schema audit. PUBLIC has none.';
REVOKE ALL ON FUNCTION audit.intended_privileges FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.intended_privileges TO audit_trusted, audit_keyed, audit_admin;
