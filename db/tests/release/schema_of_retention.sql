-- Proves: the columns and constraints of the tables of retention are exactly these.

BEGIN;
SELECT plan(12);

SELECT table_owner_is('audit', name, 'audit_owner', format('audit_owner owns %s', name))
FROM (VALUES ('retention_rules'::name), ('retention'), ('legal_holds'), ('pruned_ids')) AS t (name);

PREPARE columns (text) AS
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid) COLLATE "default"
    FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum;
-- PostgreSQL 18 keeps NOT NULL as a constraint too.
PREPARE rules (text) AS
    SELECT k.conname, pg_get_constraintdef(k.oid) COLLATE "default" FROM pg_constraint AS k
    WHERE k.conrelid = $1::regclass AND k.contype <> 'n' ORDER BY k.conname;
SELECT results_eq($$EXECUTE columns ('audit.retention_rules')$$,
    $$VALUES ('is_only'::name, 'boolean', true, 'true'),
             ('live_floor_days', 'integer', true, NULL),
             ('release_by_two', 'boolean', true, NULL)$$,
    'retention_rules: what no administrator may go below');
SELECT results_eq($$EXECUTE rules ('audit.retention_rules')$$,
    $$VALUES ('retention_rules_is_only'::name, 'CHECK (is_only)'),
             ('retention_rules_live_floor_days_range', 'CHECK (((live_floor_days >= 1) AND (live_floor_days <= 36500)))'),
             ('retention_rules_pkey', 'PRIMARY KEY (is_only)')$$,
    'retention_rules: its rules');
SELECT results_eq($$EXECUTE columns ('audit.retention')$$,
    $$VALUES ('tenant_id'::name, 'text', true, NULL),
             ('live_days', 'integer', false, NULL),
             ('dry_run_days', 'integer', false, NULL),
             ('set_at', 'timestamp with time zone', true, NULL),
             ('pruned_at', 'timestamp with time zone', false, NULL),
             ('pass_mode', 'text', false, NULL),
             ('pass_time', 'timestamp with time zone', false, NULL),
             ('pass_id', 'uuid', false, NULL)$$,
    'retention: terms, and where a pass stands');
SELECT results_eq($$EXECUTE rules ('audit.retention')$$,
    $$VALUES ('retention_dry_run_days_range'::name, 'CHECK (((dry_run_days >= 1) AND (dry_run_days <= 36500)))'),
             ('retention_live_days_range', 'CHECK (((live_days >= 1) AND (live_days <= 36500)))'),
             ('retention_pass_mode_known', 'CHECK ((pass_mode = ANY (ARRAY[''DRY_RUN''::text, ''LIVE''::text, ''''::text])))'),
             ('retention_pass_position', 'CHECK ((num_nonnulls(pass_mode, pass_time, pass_id) = ANY (ARRAY[0, 3])))'),
             ('retention_pkey', 'PRIMARY KEY (tenant_id)'),
             ('retention_tenant_id_fkey', 'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
             ('retention_tenant_id_form', 'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'retention: its rules');
SELECT results_eq($$EXECUTE columns ('audit.legal_holds')$$,
    $$VALUES ('id'::name, 'uuid', true, NULL),
             ('tenant_id', 'text', true, NULL),
             ('user_id', 'text', false, NULL),
             ('agent_id', 'text', false, NULL),
             ('trace_id', 'text', false, NULL),
             ('start_time', 'timestamp with time zone', false, NULL),
             ('end_time', 'timestamp with time zone', false, NULL),
             ('reason', 'text', true, NULL),
             ('reference', 'text', true, NULL),
             ('placed_by', 'text', true, NULL),
             ('placed_at', 'timestamp with time zone', true, NULL),
             ('release_asked_by', 'text', false, NULL),
             ('release_asked_at', 'timestamp with time zone', false, NULL),
             ('released_by', 'text', false, NULL),
             ('released_at', 'timestamp with time zone', false, NULL),
             ('release_reason', 'text', false, NULL)$$,
    'legal_holds: conditions, and who placed and released it');
SELECT results_eq($$EXECUTE rules ('audit.legal_holds')$$,
    $$VALUES ('legal_holds_pkey'::name, 'PRIMARY KEY (id)'),
             ('legal_holds_reason_size', 'CHECK ((((length(reason) >= 1) AND (length(reason) <= 500)) AND ((length(release_reason) >= 1) AND (length(release_reason) <= 500))))'),
             ('legal_holds_reference_size', 'CHECK (((length(reference) >= 1) AND (length(reference) <= 200)))'),
             ('legal_holds_release_asked', 'CHECK (((release_asked_by IS NULL) = (release_asked_at IS NULL)))'),
             ('legal_holds_released', 'CHECK ((num_nonnulls(released_by, released_at) = ANY (ARRAY[0, 2])))'),
             ('legal_holds_tenant_id_fkey', 'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
             ('legal_holds_tenant_id_form', 'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))'),
             ('legal_holds_texts_size', 'CHECK ((((length(user_id) >= 1) AND (length(user_id) <= 1024)) AND ((length(agent_id) >= 1) AND (length(agent_id) <= 1024)) AND ((length(trace_id) >= 1) AND (length(trace_id) <= 1024))))'),
             ('legal_holds_window', 'CHECK ((start_time < end_time))')$$,
    'legal_holds: its rules');
SELECT results_eq($$EXECUTE columns ('audit.pruned_ids')$$,
    $$VALUES ('id'::name, 'uuid', true, NULL)$$,
    'pruned_ids: an id alone');
SELECT results_eq($$EXECUTE rules ('audit.pruned_ids')$$,
    $$VALUES ('pruned_ids_pkey'::name, 'PRIMARY KEY (id)')$$,
    'pruned_ids: its rules');

SELECT * FROM finish();
ROLLBACK;
