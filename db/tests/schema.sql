-- Proves: the tables, columns, types, defaults, indexes and constraints are exactly these.

BEGIN;
SELECT plan(18);
-- The server shows the times in a CHECK in the session's zone.
SET LOCAL timezone = 'UTC';

SELECT tables_are('audit', ARRAY['tenants', 'audit_logs'], 'two tables');
SELECT tables_are('pgmigrate', ARRAY['applied_files', 'schema_version'], 'the migrations'' own tables are elsewhere');
SELECT schema_owner_is('audit', 'audit_owner', 'audit_owner owns schema audit');
SELECT schema_owner_is('pgmigrate', 'audit_owner', 'audit_owner owns schema pgmigrate');
SELECT table_owner_is('audit', 'tenants', 'audit_owner', 'audit_owner owns tenants');
SELECT table_owner_is('audit', 'audit_logs', 'audit_owner', 'audit_owner owns audit_logs');

PREPARE columns (text) AS
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid) COLLATE "default", concat(a.attidentity, a.attgenerated)
    FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum;
SELECT results_eq($$EXECUTE columns ('audit.tenants')$$,
    $$VALUES ('id'::name,   'text', true,  NULL, ''),
             ('name',       'text', false, NULL, ''),
             ('created_at', 'timestamp with time zone', false, NULL, '')$$,
    'tenants: id, name, created_at');
SELECT results_eq($$EXECUTE columns ('audit.audit_logs')$$,
    $$VALUES ('id'::name,    'uuid',    true,  NULL, ''),
             ('trace_id',    'text',    false, NULL, ''),
             ('tenant_id',   'text',    true,  NULL, ''),
             ('agent_id',    'text',    true,  NULL, ''),
             ('mode',        'text',    false, NULL, ''),
             ('status',      'text',    false, NULL, ''),
             ('http_status', 'integer', false, NULL, ''),
             ('latency_ms',  'integer', false, NULL, ''),
             ('user_id',     'text',    false, NULL, ''),
             ('error',       'text',    false, NULL, ''),
             ('created_at',  'timestamp with time zone', false, 'now()', '')$$,
    'audit_logs: eleven columns, created_at by the server''s clock, no sequence');

PREPARE indexes AS
    SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE c.relnamespace = 'audit'::regnamespace AND i.indisvalid ORDER BY c.relname;
SELECT results_eq('EXECUTE indexes', ARRAY[
    'CREATE INDEX audit_logs_agent_id_created_at_idx ON audit.audit_logs USING btree (agent_id, created_at DESC)',
    'CREATE UNIQUE INDEX audit_logs_pkey ON audit.audit_logs USING btree (id)',
    'CREATE INDEX audit_logs_tenant_id_created_at_idx ON audit.audit_logs USING btree (tenant_id, created_at DESC)',
    'CREATE INDEX audit_logs_trace_id_idx ON audit.audit_logs USING btree (trace_id)',
    'CREATE UNIQUE INDEX tenants_pkey ON audit.tenants USING btree (id)'],
    'three indexes for reading and the two keys');
-- A unique key over all tenants tells, by its refusal, whether another tenant has the value.
SELECT is_empty(
    $$SELECT i.indexrelid::regclass FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
      WHERE c.relnamespace = 'audit'::regnamespace AND i.indisunique AND NOT i.indisprimary$$,
    'nothing is unique but the primary keys');

-- NOT NULL is asserted with the columns: only PostgreSQL 18 counts it among the constraints.
PREPARE constraints (text) AS
    SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint AS c
    WHERE c.conrelid = $1::regclass AND c.contype <> 'n' ORDER BY c.conname;
SELECT results_eq($$EXECUTE constraints ('audit.tenants')$$,
    $$VALUES
        ('tenants_created_at_known'::name, 'CHECK ((created_at IS NOT NULL))'),
        ('tenants_id_form',                'CHECK ((id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))'),
        ('tenants_name_size',              'CHECK (((length(name) >= 1) AND (length(name) <= 200)))'),
        ('tenants_pkey',                   'PRIMARY KEY (id)')$$,
    'the constraints of tenants');
SELECT results_eq($$EXECUTE constraints ('audit.audit_logs')$$,
    $$VALUES
        ('audit_logs_agent_id_size'::name,  'CHECK (((length(agent_id) >= 1) AND (length(agent_id) <= 128)))'),
        ('audit_logs_created_at_known',     'CHECK (((created_at IS NOT NULL)'
            || ' AND (created_at >= ''1970-01-01 00:00:00+00''::timestamp with time zone)'
            || ' AND (created_at < ''10000-01-01 00:00:00+00''::timestamp with time zone)))'),
        ('audit_logs_error_size',           'CHECK (((length(error) >= 1) AND (length(error) <= 2000)))'),
        ('audit_logs_http_status_range',    'CHECK (((http_status >= 100) AND (http_status <= 599)))'),
        ('audit_logs_latency_ms_range',     'CHECK ((latency_ms >= 0))'),
        ('audit_logs_mode_known',           'CHECK ((mode = ANY (ARRAY[''DRY_RUN''::text, ''LIVE''::text])))'),
        ('audit_logs_pkey',                 'PRIMARY KEY (id)'),
        ('audit_logs_status_known',         'CHECK ((status = ANY'
            || ' (ARRAY[''started''::text, ''success''::text, ''error''::text, ''denied''::text])))'),
        ('audit_logs_tenant_id_fkey',       'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
        ('audit_logs_tenant_id_form',       'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))'),
        ('audit_logs_trace_id_size',        'CHECK (((length(trace_id) >= 1) AND (length(trace_id) <= 128)))'),
        ('audit_logs_user_id_size',         'CHECK (((length(user_id) >= 1) AND (length(user_id) <= 256)))')$$,
    'the constraints of audit_logs');
SELECT is_empty(
    $$SELECT c.conname FROM pg_constraint AS c
      WHERE c.connamespace = 'audit'::regnamespace AND (NOT c.convalidated OR c.condeferrable)$$,
    'every constraint is validated and acts at once');

-- One type and one collation for the tenant everywhere, so that the policy's comparison is the index's.
SELECT results_eq(
    $$SELECT DISTINCT a.atttypid::regtype::text, a.attcollation = 'pg_catalog."default"'::regcollation
      FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
      WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r'
        AND (a.attname = 'tenant_id' OR c.relname = 'tenants' AND a.attname = 'id')$$,
    $$VALUES ('text', true)$$, 'a tenant''s id has one type and one collation everywhere');
SELECT is_empty(
    $$SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
      WHERE c.relnamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND c.relkind = 'r'
        AND c.relname <> 'schema_version'   -- pgmigrate's own
        AND a.atttypid IN ('timestamp'::regtype, 'date'::regtype, 'time'::regtype)$$,
    'every time has a zone');

-- No trigger, rule or sequence: they would act on records unseen, and stand in the way of more than one machine.
SELECT is_empty(
    $$SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
      WHERE c.relnamespace = 'audit'::regnamespace AND NOT t.tgisinternal$$, 'no trigger');
SELECT is_empty($$SELECT r.rulename FROM pg_rules AS r WHERE r.schemaname = 'audit'$$, 'no rule');
SELECT sequences_are('audit', ARRAY[]::name[], 'no sequence');

SELECT * FROM finish();
ROLLBACK;
