-- The whole access matrix of schema audit on one page. audit.isolation_report() compares it with what is granted;
-- a privilege that is granted and not listed here is a finding.

CREATE OR REPLACE FUNCTION audit.intended_privileges()
RETURNS TABLE (grantee text, object_type text, object text, privilege text)
LANGUAGE sql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
    VALUES
        ('audit_trusted', 'schema',   'audit',                             'USAGE'),
        ('audit_admin',   'schema',   'audit',                             'USAGE'),

        ('audit_trusted', 'table',    'audit.tenants',                     'SELECT'),
        ('audit_trusted', 'table',    'audit.audit_logs',                  'SELECT'),
        -- every column but created_at
        ('audit_trusted', 'column',   'audit.audit_logs.id',               'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.trace_id',         'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.tenant_id',        'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.agent_id',         'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.mode',             'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.status',           'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.http_status',      'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.latency_ms',       'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.user_id',          'INSERT'),
        ('audit_trusted', 'column',   'audit.audit_logs.error',            'INSERT'),

        ('audit_trusted', 'function', 'audit.set_tenant',                  'EXECUTE'),
        ('audit_trusted', 'function', 'audit.insert_audit_log',            'EXECUTE'),
        ('audit_trusted', 'function', 'audit.list_audit_logs',             'EXECUTE'),
        ('audit_trusted', 'function', 'audit.page_cursor',                 'EXECUTE'),
        ('audit_trusted', 'function', 'audit.uuid_v7',                     'EXECUTE'),
        ('audit_trusted', 'function', 'audit.record_rules',                'EXECUTE'),
        ('audit_trusted', 'function', 'audit.outdated_server',             'EXECUTE'),
        ('audit_admin',   'function', 'audit.create_tenant',               'EXECUTE'),

        ('audit_trusted', 'function', 'audit.schema_version',              'EXECUTE'),
        ('audit_admin',   'function', 'audit.schema_version',              'EXECUTE'),
        ('audit_trusted', 'function', 'audit.isolation_report',            'EXECUTE'),
        ('audit_admin',   'function', 'audit.isolation_report',            'EXECUTE'),
        ('audit_trusted', 'function', 'audit.intended_privileges',         'EXECUTE'),
        ('audit_admin',   'function', 'audit.intended_privileges',         'EXECUTE'),
        ('audit_trusted', 'function', 'audit.granted_privileges',          'EXECUTE'),
        ('audit_admin',   'function', 'audit.granted_privileges',          'EXECUTE')
$$;

COMMENT ON FUNCTION audit.intended_privileges IS
    'Every privilege that any role but audit_owner is meant to have in schema audit. PUBLIC has none.';
REVOKE ALL ON FUNCTION audit.intended_privileges FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.intended_privileges TO audit_trusted, audit_admin;
