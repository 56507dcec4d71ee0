-- Proves: every rule of a record at its limits: accepted at the limit, refused one beyond, by the constraint of that name;
-- and audit.record_rules() tells each rule in words.

BEGIN;
SELECT plan(54);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a') \gset
SET LOCAL app.tenant_id = 'tap-a';

-- A record with one argument changed, written by the gateway.
CREATE FUNCTION pg_temp.call(p_argument text, p_value text) RETURNS text LANGUAGE sql AS $$
    SELECT format('SELECT audit.insert_audit_log(%s)',
                  string_agg(format('p_%s => %s', a.name, CASE a.name WHEN p_argument THEN p_value ELSE a.value END), ', '))
    FROM (VALUES ('agent_id', '''agent'''), ('mode', '''LIVE'''), ('status', '''success'''), ('trace_id', 'NULL'),
                 ('http_status', 'NULL'), ('latency_ms', 'NULL'), ('user_id', 'NULL'), ('error', 'NULL')) AS a (name, value)
$$;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT lives_ok(pg_temp.call(field, value), format('%s: %s is accepted', field, said))
FROM (VALUES
    ('agent_id',    'repeat(''a'', 1)',      'one character'),
    ('agent_id',    'repeat(''a'', 128)',    '128 characters'),
    ('agent_id',    'repeat(chr(233), 128)', '128 characters of two bytes each'),
    ('trace_id',    'repeat(''a'', 1)',      'one character'),
    ('trace_id',    'repeat(''a'', 128)',    '128 characters'),
    ('trace_id',    'NULL',                  'unknown'),
    ('user_id',     'repeat(''a'', 1)',      'one character'),
    ('user_id',     'repeat(''a'', 256)',    '256 characters'),
    ('user_id',     'NULL',                  'unknown'),
    ('error',       'repeat(''a'', 1)',      'one character'),
    ('error',       'repeat(''a'', 2000)',   '2,000 characters'),
    ('error',       'NULL',                  'none'),
    ('mode',        '''DRY_RUN''',           'DRY_RUN'),
    ('mode',        '''LIVE''',              'LIVE'),
    ('status',      '''started''',           'started'),
    ('status',      '''success''',           'success'),
    ('status',      '''error''',             'error'),
    ('status',      '''denied''',            'denied'),
    ('http_status', '100',                   '100'),
    ('http_status', '599',                   '599'),
    ('http_status', 'NULL',                  'none'),
    ('latency_ms',  '0',                     '0'),
    ('latency_ms',  '2147483647',            'the largest number'),
    ('latency_ms',  'NULL',                  'none')) AS allowed (field, value, said);

SELECT throws_ok(pg_temp.call(field, value), '23514',
    format('new row for relation "audit_logs" violates check constraint "%s"', rule), format('%s: %s is refused', field, said))
FROM (VALUES
    ('agent_id',    '''''',                  'the empty string',   'audit_logs_agent_id_size'),
    ('agent_id',    'repeat(''a'', 129)',    '129 characters',     'audit_logs_agent_id_size'),
    ('trace_id',    '''''',                  'the empty string',   'audit_logs_trace_id_size'),
    ('trace_id',    'repeat(''a'', 129)',    '129 characters',     'audit_logs_trace_id_size'),
    ('user_id',     '''''',                  'the empty string',   'audit_logs_user_id_size'),
    ('user_id',     'repeat(''a'', 257)',    '257 characters',     'audit_logs_user_id_size'),
    ('error',       '''''',                  'the empty string',   'audit_logs_error_size'),
    ('error',       'repeat(''a'', 2001)',   '2,001 characters',   'audit_logs_error_size'),
    ('mode',        '''live''',              'lower case',         'audit_logs_mode_known'),
    ('mode',        '''''',                  'the empty string',   'audit_logs_mode_known'),
    ('status',      '''Success''',           'upper case',         'audit_logs_status_known'),
    ('status',      '''failed''',            'another word',       'audit_logs_status_known'),
    ('http_status', '99',                    '99',                 'audit_logs_http_status_range'),
    ('http_status', '600',                   '600',                'audit_logs_http_status_range'),
    ('latency_ms',  '-1',                    'less than nothing',  'audit_logs_latency_ms_range')) AS refused (field, value, said,
    rule);
RESET SESSION AUTHORIZATION;

-- The time, which no run-time role can choose: for whoever imports history.
PREPARE dated (timestamptz) AS
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at) VALUES (gen_random_uuid(), 'tap-a', 'agent', $1);
SELECT lives_ok($$EXECUTE dated ('1970-01-01 00:00:00+00')$$, 'created_at: the first instant of 1970 is accepted');
SELECT lives_ok($$EXECUTE dated ('9999-12-31 23:59:59.999999+00')$$, 'created_at: the last instant of 9999 is accepted');
SELECT throws_ok(format('EXECUTE dated (%L)', value), '23514',
    'new row for relation "audit_logs" violates check constraint "audit_logs_created_at_known"',
    'created_at: ' || said || ' is refused')
FROM (VALUES
    ('1969-12-31 23:59:59.999999+00', 'the instant before 1970'),
    ('10000-01-01 00:00:00+00',       'the year 10000'),
    ('infinity',                      'infinity'),
    ('-infinity',                     'minus infinity'),
    (NULL,                            'no time')) AS refused (value, said);
SELECT lives_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
      VALUES (gen_random_uuid(), 'tap-a', 'agent', NULL, NULL)$$,
    'imported history may lack mode and status');

-- The rules in words.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT results_eq(
    'SELECT rule COLLATE "C", field COLLATE "C" FROM audit.record_rules()',
    $$SELECT c.conname::text COLLATE "C", a.attname::text COLLATE "C"
      FROM pg_constraint AS c JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
      WHERE c.conrelid = 'audit.audit_logs'::regclass AND c.contype = 'c' ORDER BY 1$$,
    'record_rules lists every CHECK constraint of audit_logs and its column');
SELECT is((SELECT count(*) FROM audit.record_rules()), 11::bigint, 'eleven of them');
SELECT is_empty($$SELECT rule FROM audit.record_rules() WHERE coalesce(description, '') = ''$$, 'each described in words');
SELECT is((SELECT description FROM audit.record_rules() WHERE rule = 'audit_logs_error_size'), '1 to 2,000 characters.',
    'in the words of the constraint''s comment');
SELECT results_eq($$SELECT field FROM audit.record_rules() WHERE rule = 'audit_logs_error_size'$$, ARRAY['error'],
    'for the column that it is about');

RESET SESSION AUTHORIZATION;
ALTER TABLE audit.audit_logs ADD CONSTRAINT audit_logs_new_rule CHECK (agent_id <> 'forbidden');
COMMENT ON CONSTRAINT audit_logs_new_rule ON audit.audit_logs IS 'Not forbidden.';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT results_eq(
    $$SELECT field, description FROM audit.record_rules() WHERE rule = 'audit_logs_new_rule'$$,
    $$VALUES ('agent_id', 'Not forbidden.')$$, 'a rule that is added is told without any change to a function');
SELECT throws_ok(pg_temp.call('agent_id', '''forbidden'''), '23514', NULL, 'and holds');

SELECT * FROM finish();
ROLLBACK;
