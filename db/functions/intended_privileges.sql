-- The whole access matrix of schema audit on one page. audit.isolation_report() compares it with what is granted;
-- a privilege that is granted and not listed here is a finding.

CREATE OR REPLACE FUNCTION audit.intended_privileges()
RETURNS TABLE (grantee text, object_type text, object text, privilege text)
LANGUAGE sql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
    -- INSERT is granted on every column of audit_logs but created_at: the server's clock.
    VALUES
        ('audit_trusted', 'schema',   'audit',                           'USAGE'),
        ('audit_keyed',   'schema',   'audit',                           'USAGE'),
        ('audit_admin',   'schema',   'audit',                           'USAGE'),

        -- audit_trusted: names its tenant
        ('audit_trusted', 'table',    'audit.tenants',                   'SELECT'),
        ('audit_trusted', 'table',    'audit.admin_events',              'SELECT'),
        ('audit_trusted', 'table',    'audit.audit_logs',                'SELECT'),
        ('audit_trusted', 'column',   'audit.audit_logs.id',             'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.trace_id',       'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.tenant_id',      'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.agent_id',       'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.mode',           'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.status',         'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.http_status',    'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.latency_ms',     'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.user_id',        'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.error',          'INSERT'),
        ('audit_trusted', 'function', 'audit.set_tenant',                'EXECUTE'),
        ('audit_trusted', 'function', 'audit.insert_audit_log',          'EXECUTE'),
        ('audit_trusted', 'function', 'audit.insert_audit_log_batch',    'EXECUTE'),
        ('audit_trusted', 'function', 'audit.insert_audit_logs',         'EXECUTE'),
        ('audit_trusted', 'function', 'audit.replay_audit_logs',         'EXECUTE'),
        ('audit_trusted', 'function', 'audit.claim_idempotency_key',     'EXECUTE'),
        ('audit_trusted', 'function', 'audit.begin_export',             'EXECUTE'),
        ('audit_trusted', 'function', 'audit.record_export',            'EXECUTE'),
        ('audit_trusted', 'function', 'audit.continue_export',          'EXECUTE'),
        ('audit_trusted', 'function', 'audit.export_audit_logs',        'EXECUTE'),
        ('audit_trusted', 'function', 'audit.list_audit_logs',           'EXECUTE'),
        ('audit_trusted', 'function', 'audit.filtered_audit_logs',       'EXECUTE'),
        ('audit_trusted', 'function', 'audit.list_admin_events',         'EXECUTE'),
        ('audit_trusted', 'function', 'audit.tenant_source',             'EXECUTE'),
        ('audit_trusted', 'function', 'audit.page_cursor',               'EXECUTE'),
        ('audit_trusted', 'function', 'audit.uuid_v7',                   'EXECUTE'),
        ('audit_trusted', 'function', 'audit.record_rules',              'EXECUTE'),
        ('audit_trusted', 'function', 'audit.outdated_server',           'EXECUTE'),
        ('audit_trusted', 'function', 'audit.schema_version',            'EXECUTE'),
        ('audit_trusted', 'function', 'audit.isolation_report',          'EXECUTE'),
        ('audit_trusted', 'function', 'audit.intended_privileges',       'EXECUTE'),
        ('audit_trusted', 'function', 'audit.granted_privileges',        'EXECUTE'),

        -- audit_keyed: proves it, and reads through functions
        ('audit_keyed',   'column',   'audit.audit_logs.id',             'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.trace_id',       'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.tenant_id',      'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.agent_id',       'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.mode',           'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.status',         'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.http_status',    'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.latency_ms',     'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.user_id',        'INSERT'),
        ('audit_keyed',   'column',   'audit.audit_logs.error',          'INSERT'),
        ('audit_keyed',   'function', 'audit.enter_tenant',              'EXECUTE'),
        ('audit_keyed',   'function', 'audit.proven_tenant',             'EXECUTE'),
        ('audit_keyed',   'function', 'audit.is_stored',                 'EXECUTE'),
        ('audit_keyed',   'function', 'audit.insert_audit_log',          'EXECUTE'),
        ('audit_keyed',   'function', 'audit.insert_audit_log_batch',    'EXECUTE'),
        ('audit_keyed',   'function', 'audit.insert_audit_logs',         'EXECUTE'),
        ('audit_keyed',   'function', 'audit.import_audit_logs',         'EXECUTE'),
        ('audit_keyed',   'function', 'audit.import_history',            'EXECUTE'),
        ('audit_keyed',   'function', 'audit.replay_audit_logs',         'EXECUTE'),
        ('audit_keyed',   'function', 'audit.describe_api_key',          'EXECUTE'),
        ('audit_keyed',   'function', 'audit.claim_idempotency_key',     'EXECUTE'),
        ('audit_keyed',   'function', 'audit.begin_export',             'EXECUTE'),
        ('audit_keyed',   'function', 'audit.record_export',            'EXECUTE'),
        ('audit_keyed',   'function', 'audit.continue_export',          'EXECUTE'),
        ('audit_keyed',   'function', 'audit.export_audit_logs',        'EXECUTE'),
        ('audit_keyed',   'function', 'audit.export_proven_audit_logs', 'EXECUTE'),
        ('audit_keyed',   'function', 'audit.list_audit_logs',           'EXECUTE'),
        ('audit_keyed',   'function', 'audit.list_proven_audit_logs',    'EXECUTE'),
        ('audit_keyed',   'function', 'audit.list_admin_events',         'EXECUTE'),
        ('audit_keyed',   'function', 'audit.list_proven_admin_events',  'EXECUTE'),
        ('audit_keyed',   'function', 'audit.tenant_source',             'EXECUTE'),
        ('audit_keyed',   'function', 'audit.page_cursor',               'EXECUTE'),
        ('audit_keyed',   'function', 'audit.uuid_v7',                   'EXECUTE'),
        ('audit_keyed',   'function', 'audit.record_rules',              'EXECUTE'),
        ('audit_keyed',   'function', 'audit.outdated_server',           'EXECUTE'),
        ('audit_keyed',   'function', 'audit.schema_version',            'EXECUTE'),
        ('audit_keyed',   'function', 'audit.isolation_report',          'EXECUTE'),
        ('audit_keyed',   'function', 'audit.intended_privileges',       'EXECUTE'),
        ('audit_keyed',   'function', 'audit.granted_privileges',        'EXECUTE'),

        -- audit_admin: no table
        ('audit_admin',   'function', 'audit.create_tenant',             'EXECUTE'),
        ('audit_admin',   'function', 'audit.list_tenants',              'EXECUTE'),
        ('audit_admin',   'function', 'audit.issue_api_key',             'EXECUTE'),
        ('audit_admin',   'function', 'audit.list_api_keys',             'EXECUTE'),
        ('audit_admin',   'function', 'audit.rotate_api_key',            'EXECUTE'),
        ('audit_admin',   'function', 'audit.revoke_api_key',            'EXECUTE'),
        ('audit_admin',   'function', 'audit.rotate_proof_secret',       'EXECUTE'),
        ('audit_admin',   'function', 'audit.schema_version',            'EXECUTE'),
        ('audit_admin',   'function', 'audit.isolation_report',          'EXECUTE'),
        ('audit_admin',   'function', 'audit.intended_privileges',       'EXECUTE'),
        ('audit_admin',   'function', 'audit.granted_privileges',        'EXECUTE')
$$;

COMMENT ON FUNCTION audit.intended_privileges IS
    'Every privilege that any role but audit_owner is meant to have in schema audit. PUBLIC has none.';
REVOKE ALL ON FUNCTION audit.intended_privileges FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.intended_privileges TO audit_trusted, audit_keyed, audit_admin;
