-- Proves: the tables, columns, types, defaults, indexes and constraints are exactly these. The columns and constraints of the tables of
-- evidence are in schema_of_evidence.sql.

BEGIN;
SELECT plan(41);
-- The server shows the times in a CHECK in the session's zone.
SET LOCAL timezone = 'UTC';

SELECT tables_are('audit',
    ARRAY['tenants', 'audit_logs', 'api_keys', 'api_key_uses', 'proof_secrets', 'admin_events', 'idempotency_keys',
          'trees', 'seals', 'seal_nodes', 'checkpoints', 'sealing_turn', 'retention_rules', 'retention', 'legal_holds', 'pruned_ids',
          'view_links'],
    'seventeen tables');
SELECT tables_are('pgmigrate', ARRAY['applied_files', 'schema_version'], 'the migrations'' own tables are elsewhere');
SELECT schema_owner_is('audit', 'audit_owner', 'audit_owner owns schema audit');
SELECT schema_owner_is('pgmigrate', 'audit_owner', 'audit_owner owns schema pgmigrate');
SELECT table_owner_is('audit', name, 'audit_owner', format('audit_owner owns %s', name))
FROM (VALUES ('tenants'::name), ('audit_logs'), ('api_keys'), ('api_key_uses'), ('proof_secrets'),
    ('admin_events'), ('idempotency_keys')) AS t (name);

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
             ('created_at',  'timestamp with time zone', false, 'now()', ''),
             ('recorded_at',  'timestamp with time zone', false, 'clock_timestamp()', ''),
             ('recorded_xid', 'xid8',   false, 'pg_current_xact_id()', ''),
             ('api_key_id',  'text',    false,
                 'NULLIF(split_part(current_setting(''app.proof''::text, true), '':''::text, 2), ''''::text)', ''),
             ('context',     'json',    false, NULL, '')$$,
    'audit_logs: eleven columns, created_at by the server''s clock, no sequence; and four for evidence, three by the database alone');
SELECT types_are('audit', ARRAY['listed_audit_log', 'new_audit_log'], 'two types');
SELECT results_eq($$EXECUTE columns ('audit.listed_audit_log')$$,
    $$SELECT a.attname, CASE a.attname WHEN 'context' THEN 'text' ELSE format_type(a.atttypid, a.atttypmod) END, false, NULL COLLATE "default", ''
      FROM pg_attribute AS a
      WHERE a.attrelid = 'audit.audit_logs'::regclass AND a.attnum > 0 AND a.attname <> 'recorded_xid' ORDER BY a.attnum$$,
    'listed_audit_log: the columns of a record but recorded_xid, context as text');
SELECT results_eq($$EXECUTE columns ('audit.new_audit_log')$$,
    $$SELECT a.attname, format_type(a.atttypid, a.atttypmod), false, NULL COLLATE "default", ''
      FROM pg_attribute AS a
      WHERE a.attrelid = 'audit.audit_logs'::regclass AND a.attnum BETWEEN 1 AND 11 AND a.attname <> 'tenant_id'
      UNION ALL VALUES ('context'::name, 'text', false, NULL, '')$$,
    'new_audit_log: the fields of a record but its tenant and what the database sets');
SELECT results_eq($$EXECUTE columns ('audit.api_keys')$$,
    $$VALUES ('id'::name,      'text',   true,  NULL, ''),
             ('tenant_id',     'text',   true,  NULL, ''),
             ('label',         'text',   true,  NULL, ''),
             ('scopes',        'text[]', true,  NULL, ''),
             ('secret_sha256', 'bytea',  true,  NULL, ''),
             ('created_at',    'timestamp with time zone', true,  NULL, ''),
             ('expires_at',    'timestamp with time zone', false, NULL, ''),
             ('revoked_at',    'timestamp with time zone', false, NULL, ''),
             ('replaced_by',   'text',   false, NULL, ''),
             ('spool_inner_key',  'bytea', true, NULL, ''),
             ('spool_outer_key',  'bytea', true, NULL, ''),
             ('spool_key_source', 'text',  true, NULL, ''),
             ('restriction',      'json',  false, NULL, '')$$,
    'api_keys: thirteen columns, hashes and no secret');
SELECT results_eq($$EXECUTE columns ('audit.view_links')$$,
    $$VALUES ('id'::name,     'text',    true,  NULL, ''),
             ('tenant_id',    'text',    true,  NULL, ''),
             ('label',        'text',    true,  NULL, ''),
             ('restriction',  'json',    false, NULL, ''),
             ('token_sha256', 'bytea',   true,  NULL, ''),
             ('created_at',   'timestamp with time zone', true,  NULL, ''),
             ('expires_at',   'timestamp with time zone', true,  NULL, ''),
             ('key_seconds',  'integer', true,  NULL, ''),
             ('opened_at',    'timestamp with time zone', false, NULL, ''),
             ('api_key_id',   'text',    false, NULL, ''),
             ('revoked_at',   'timestamp with time zone', false, NULL, ''),
             ('refused',      'integer', true,  NULL, '')$$,
    'view_links: twelve columns, a hash and no secret');
SELECT results_eq($$EXECUTE columns ('audit.api_key_uses')$$,
    $$VALUES ('api_key_id'::name, 'text', true, NULL, ''), ('last_used_at', 'timestamp with time zone', false, NULL, ''),
             ('last_read_at', 'timestamp with time zone', false, NULL, '')$$,
    'api_key_uses: a key and two times');
SELECT results_eq($$EXECUTE columns ('audit.proof_secrets')$$,
    $$VALUES ('id'::name,    'bigint', true, NULL, ''),
             ('inner_key',   'bytea',  true, NULL, ''),
             ('outer_key',   'bytea',  true, NULL, ''),
             ('created_at',  'timestamp with time zone', true, NULL, ''),
             ('replaced_at', 'timestamp with time zone', false, NULL, '')$$,
    'proof_secrets: two keys, numbered without a sequence');
SELECT results_eq($$EXECUTE columns ('audit.admin_events')$$,
    $$VALUES ('id'::name,   'uuid', true,  NULL, ''),
             ('tenant_id',  'text', false, NULL, ''),
             ('act',        'text', true,  NULL, ''),
             ('api_key_id', 'text', false, NULL, ''),
             ('actor',      'text', true,  NULL, ''),
             ('created_at', 'timestamp with time zone', true, NULL, ''),
             ('detail',     'jsonb', false, NULL, '')$$,
    'admin_events: seven columns');
SELECT results_eq($$EXECUTE columns ('audit.idempotency_keys')$$,
    $$VALUES ('tenant_id'::name, 'text',  true, NULL, ''),
             ('key',             'text',  true, NULL, ''),
             ('body_sha256',     'bytea', true, NULL, ''),
             ('answer',          'text',  true, NULL, ''),
             ('created_at',      'timestamp with time zone', true, NULL, '')$$,
    'idempotency_keys: a hash of what was sent, and not what was sent');
SELECT results_eq(
    $$SELECT c.relname, c.relpersistence, array_to_string(c.reloptions, ',') COLLATE "default" FROM pg_class AS c
      WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r' ORDER BY c.relname$$,
    $$VALUES ('admin_events'::name, 'p'::"char", NULL),
             ('api_key_uses',       'p',         'fillfactor=70'),
             ('api_keys',           'p',         NULL),
             ('audit_logs',         'p',         'autovacuum_vacuum_scale_factor=0.02,autovacuum_analyze_scale_factor=0.02'),
             ('checkpoints',        'p',         NULL),
             ('idempotency_keys',   'p',         NULL),
             ('legal_holds',        'p',         NULL),
             ('proof_secrets',      'p',         NULL),
             ('pruned_ids',         'p',         NULL),
             ('retention',          'p',         NULL),
             ('retention_rules',    'p',         NULL),
             ('seal_nodes',         'p',         NULL),
             ('sealing_turn',       'p',         NULL),
             ('seals',              'p',         'autovacuum_vacuum_scale_factor=0.02'),
             ('tenants',            'p',         NULL),
             ('trees',              'p',         NULL),
             ('view_links',         'p',         NULL)$$,
    'everything is logged and survives a crash');

PREPARE indexes AS
    SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE c.relnamespace = 'audit'::regnamespace AND i.indisvalid ORDER BY c.relname;
SELECT results_eq('EXECUTE indexes', ARRAY[
    'CREATE INDEX admin_events_act_created_at_id_idx ON audit.admin_events USING btree (act, created_at DESC NULLS LAST, id DESC)',
    'CREATE INDEX admin_events_api_key_id_created_at_id_idx ON audit.admin_events USING btree'
        || ' (api_key_id, created_at DESC NULLS LAST, id DESC) WHERE (api_key_id IS NOT NULL)',
    'CREATE INDEX admin_events_created_at_id_idx ON audit.admin_events USING btree (created_at DESC, id DESC)',
    'CREATE UNIQUE INDEX admin_events_pkey ON audit.admin_events USING btree (id)',
    'CREATE INDEX admin_events_tenant_id_act_created_at_id_idx ON audit.admin_events USING btree'
        || ' (tenant_id, act, created_at DESC NULLS LAST, id DESC NULLS LAST)',
    'CREATE INDEX admin_events_tenant_id_api_key_id_created_at_id_idx ON audit.admin_events USING btree'
        || ' (tenant_id, api_key_id, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE (api_key_id IS NOT NULL)',
    'CREATE INDEX admin_events_tenant_id_created_at_id_idx ON audit.admin_events USING btree'
        || ' (tenant_id, created_at DESC NULLS LAST, id DESC)',
    'CREATE UNIQUE INDEX api_key_uses_pkey ON audit.api_key_uses USING btree (api_key_id)',
    'CREATE UNIQUE INDEX api_keys_pkey ON audit.api_keys USING btree (id)',
    'CREATE INDEX api_keys_tenant_id_created_at_id_idx ON audit.api_keys USING btree (tenant_id, created_at DESC, id DESC)',
    'CREATE INDEX audit_logs_agent_id_created_at_idx ON audit.audit_logs USING btree (agent_id, created_at DESC)',
    'CREATE UNIQUE INDEX audit_logs_pkey ON audit.audit_logs USING btree (id)',
    'CREATE INDEX audit_logs_tenant_id_agent_id_created_at_id_idx ON audit.audit_logs USING btree'
        || ' (tenant_id, agent_id, created_at DESC NULLS LAST, id DESC NULLS LAST)',
    'CREATE INDEX audit_logs_tenant_id_created_at_id_idx ON audit.audit_logs USING btree (tenant_id, created_at DESC, id DESC)',
    'CREATE INDEX audit_logs_tenant_id_http_status_created_at_id_idx ON audit.audit_logs USING btree'
        || ' (tenant_id, http_status, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE (http_status IS NOT NULL)',
    'CREATE INDEX audit_logs_tenant_id_mode_created_at_id_idx ON audit.audit_logs USING btree'
        || ' (tenant_id, mode, created_at DESC NULLS LAST, id DESC NULLS LAST)',
    'CREATE INDEX audit_logs_tenant_id_recorded_xid_id_idx ON audit.audit_logs USING btree (tenant_id, recorded_xid, id)',
    'CREATE INDEX audit_logs_tenant_id_status_created_at_id_idx ON audit.audit_logs USING btree'
        || ' (tenant_id, status, created_at DESC NULLS LAST, id DESC NULLS LAST)',
    'CREATE INDEX audit_logs_tenant_id_user_id_created_at_id_idx ON audit.audit_logs USING btree'
        || ' (tenant_id, user_id, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE (user_id IS NOT NULL)',
    'CREATE INDEX audit_logs_trace_id_tenant_id_created_at_id_idx ON audit.audit_logs USING btree'
        || ' (trace_id, tenant_id, created_at DESC NULLS LAST, id DESC NULLS LAST)',
    'CREATE UNIQUE INDEX checkpoints_pkey ON audit.checkpoints USING btree (tenant_id, epoch, size)',
    'CREATE UNIQUE INDEX idempotency_keys_pkey ON audit.idempotency_keys USING btree (tenant_id, key)',
    'CREATE INDEX idempotency_keys_tenant_id_created_at_idx ON audit.idempotency_keys USING btree (tenant_id, created_at DESC)',
    'CREATE UNIQUE INDEX legal_holds_pkey ON audit.legal_holds USING btree (id)',
    'CREATE INDEX legal_holds_tenant_id_idx ON audit.legal_holds USING btree (tenant_id) WHERE (released_at IS NULL)',
    'CREATE UNIQUE INDEX proof_secrets_current_idx ON audit.proof_secrets USING btree (((replaced_at IS NULL)))'
        || ' WHERE (replaced_at IS NULL)',
    'CREATE UNIQUE INDEX proof_secrets_pkey ON audit.proof_secrets USING btree (id)',
    'CREATE UNIQUE INDEX pruned_ids_pkey ON audit.pruned_ids USING btree (id)',
    'CREATE UNIQUE INDEX retention_pkey ON audit.retention USING btree (tenant_id)',
    'CREATE UNIQUE INDEX retention_rules_pkey ON audit.retention_rules USING btree (is_only)',
    'CREATE UNIQUE INDEX seal_nodes_pkey ON audit.seal_nodes USING btree (tenant_id, epoch, level, node_index)',
    'CREATE UNIQUE INDEX sealing_turn_pkey ON audit.sealing_turn USING btree (is_only)',
    'CREATE UNIQUE INDEX seals_pkey ON audit.seals USING btree (tenant_id, epoch, leaf_index)',
    'CREATE INDEX seals_tenant_id_epoch_leaf_index_idx ON audit.seals USING btree (tenant_id, epoch, leaf_index) WHERE (line IS NOT NULL)',
    'CREATE UNIQUE INDEX seals_tenant_id_record_id_idx ON audit.seals USING btree (tenant_id, record_id) WHERE (record_id IS NOT NULL)',
    'CREATE UNIQUE INDEX tenants_pkey ON audit.tenants USING btree (id)',
    'CREATE UNIQUE INDEX trees_pkey ON audit.trees USING btree (tenant_id, epoch)',
    'CREATE UNIQUE INDEX view_links_pkey ON audit.view_links USING btree (id)'],
    'sixteen indexes for reading, one for sealing, one for holds, one for statements, a key for each table, one that allows one secret in use, and one leaf a record');
-- A unique key over all tenants tells, by its refusal, whether another tenant has the value.
SELECT is_empty(
    $$SELECT i.indexrelid::regclass FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
      WHERE c.relnamespace = 'audit'::regnamespace AND i.indisunique AND NOT i.indisprimary AND c.relname <> 'proof_secrets'
        AND pg_get_indexdef(i.indexrelid) !~ ' \(tenant_id, '$$,
    'of what belongs to tenants nothing is unique but the primary keys, and what begins with the tenant');

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
        ('audit_logs_context_form',         'CHECK (((context IS NULL) OR audit.is_context(context)))'),
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
SELECT results_eq($$EXECUTE constraints ('audit.api_keys')$$,
    $$VALUES
        ('api_keys_id_form'::name,      'CHECK ((id ~ ''^[0-9a-f]{16}$''::text))'),
        ('api_keys_label_size',         'CHECK (((length(label) >= 1) AND (length(label) <= 200)))'),
        ('api_keys_pkey',               'PRIMARY KEY (id)'),
        ('api_keys_replaced_by_fkey',   'FOREIGN KEY (replaced_by) REFERENCES audit.api_keys(id)'),
        ('api_keys_restriction_form',   'CHECK (((restriction IS NULL) OR audit.is_restriction(restriction)))'),
        ('api_keys_restriction_reads',  'CHECK (((restriction IS NULL) OR (scopes = ARRAY[''read''::text])))'),
        ('api_keys_scopes_known',       'CHECK (((scopes <@ ARRAY[''read''::text, ''write''::text, ''import''::text])'
            || ' AND ((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 3))))'),
        ('api_keys_secret_sha256_size', 'CHECK ((octet_length(secret_sha256) = 32))'),
        ('api_keys_spool_key_size',
            'CHECK (((octet_length(spool_inner_key) = 64) AND (octet_length(spool_outer_key) = 64)))'),
        ('api_keys_spool_key_source_known', 'CHECK ((spool_key_source = ANY (ARRAY[''secret''::text, ''hash''::text])))'),
        ('api_keys_tenant_id_fkey',     'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
        ('api_keys_tenant_id_form',     'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'the constraints of api_keys');
SELECT results_eq($$EXECUTE constraints ('audit.view_links')$$,
    $$VALUES
        ('view_links_api_key_id_fkey'::name,  'FOREIGN KEY (api_key_id) REFERENCES audit.api_keys(id)'),
        ('view_links_ended_once',             'CHECK ((num_nonnulls(opened_at, revoked_at) < 2))'),
        ('view_links_id_form',                'CHECK ((id ~ ''^[0-9a-f]{16}$''::text))'),
        ('view_links_key_seconds_range',      'CHECK (((key_seconds >= 1) AND (key_seconds <= 43200)))'),
        ('view_links_label_size',             'CHECK (((length(label) >= 1) AND (length(label) <= 200)))'),
        ('view_links_opened',                 'CHECK ((num_nonnulls(opened_at, api_key_id) = ANY (ARRAY[0, 2])))'),
        ('view_links_pkey',                   'PRIMARY KEY (id)'),
        ('view_links_refused_range',          'CHECK ((refused >= 0))'),
        ('view_links_restriction_form',       'CHECK (((restriction IS NULL) OR audit.is_restriction(restriction)))'),
        ('view_links_tenant_id_fkey',         'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
        ('view_links_tenant_id_form',         'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))'),
        ('view_links_token_sha256_size',      'CHECK ((octet_length(token_sha256) = 32))')$$,
    'the constraints of view_links');
SELECT results_eq($$EXECUTE constraints ('audit.api_key_uses')$$,
    $$VALUES ('api_key_uses_api_key_id_fkey'::name, 'FOREIGN KEY (api_key_id) REFERENCES audit.api_keys(id)'),
             ('api_key_uses_pkey',                  'PRIMARY KEY (api_key_id)')$$,
    'the constraints of api_key_uses');
SELECT results_eq($$EXECUTE constraints ('audit.proof_secrets')$$,
    $$VALUES ('proof_secrets_key_size'::name, 'CHECK (((octet_length(inner_key) = 64) AND (octet_length(outer_key) = 64)))'),
             ('proof_secrets_pkey',           'PRIMARY KEY (id)')$$,
    'the constraints of proof_secrets');
SELECT results_eq($$EXECUTE constraints ('audit.admin_events')$$,
    $$VALUES
        ('admin_events_act_known'::name,  'CHECK ((act = ANY (ARRAY[''tenant created''::text, ''api key issued''::text,'
            || ' ''api key rotated''::text, ''api key revoked''::text, ''proof secret rotated''::text, ''records exported''::text,'
            || ' ''records replayed''::text, ''records imported''::text, ''records read''::text, ''epoch begun''::text,'
            || ' ''retention set''::text, ''retention rules set''::text, ''hold placed''::text, ''hold release asked''::text,'
            || ' ''hold released''::text, ''records pruned''::text, ''person erased''::text, ''record erased''::text,'
            || ' ''view link issued''::text, ''view link opened''::text, ''view link refused''::text, ''view link revoked''::text])))'),
        ('admin_events_detail_form',      'CHECK (((jsonb_typeof(detail) = ''object''::text)'
            || ' AND (octet_length((detail)::text) <= 2048)))'),
        ('admin_events_pkey',             'PRIMARY KEY (id)'),
        ('admin_events_tenant_id_fkey',   'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
        ('admin_events_tenant_id_form',   'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'the constraints of admin_events');
SELECT results_eq($$EXECUTE constraints ('audit.idempotency_keys')$$,
    $$VALUES
        ('idempotency_keys_answer_size'::name, 'CHECK (((length(answer) >= 1) AND (length(answer) <= 1000)))'),
        ('idempotency_keys_body_sha256_size',  'CHECK ((octet_length(body_sha256) = 32))'),
        ('idempotency_keys_key_size',          'CHECK (((length(key) >= 1) AND (length(key) <= 255)))'),
        ('idempotency_keys_pkey',              'PRIMARY KEY (tenant_id, key)'),
        ('idempotency_keys_tenant_id_fkey',    'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
        ('idempotency_keys_tenant_id_form',    'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'the constraints of idempotency_keys');
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

-- A database begins with one secret, of two different keys, made here and not in a file. Rotation makes more.
SELECT results_eq('SELECT inner_key <> outer_key FROM audit.proof_secrets WHERE replaced_at IS NULL', 'VALUES (true)',
    'there is a secret in use, of two keys');
SELECT is_empty(
    $$SELECT k.id FROM audit.api_keys AS k
      WHERE NOT EXISTS (SELECT FROM audit.admin_events AS e WHERE e.api_key_id = k.id AND e.act IN ('api key issued', 'view link opened'))$$,
    'and no key that came with the release: each was issued by somebody');

SELECT * FROM finish();
ROLLBACK;
