-- Proves: where many records are written at once, an error that is about none of them is raised as it is, and nothing is stored: it
-- is no outcome of a record, which the service would take for a refusal for good. Live records that share a commit do not share such
-- an error either: it is the outcome of the one that met it. A policy that refuses one agent brings it about, beside rules of the
-- table, which are about a record.

BEGIN;
SELECT plan(17);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['write', 'import']) AS key \gset
CREATE POLICY tap_stop ON audit.audit_logs AS RESTRICTIVE FOR INSERT TO audit_owner, audit_keyed WITH CHECK (agent_id <> 'stopped');
SELECT set_config('tap.key', :'key', false), set_config('tap.' || name, spool_key, false)
FROM (SELECT 'inner', spool_inner_key::text FROM audit.api_keys WHERE id = split_part(:'key', '_', 2)
      UNION ALL SELECT 'outer', spool_outer_key::text FROM audit.api_keys WHERE id = split_part(:'key', '_', 2)) AS k (name, spool_key) \g /dev/null

CREATE FUNCTION pg_temp.record(p_agent text, p_status text DEFAULT 'success') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('id', gen_random_uuid(), 'tenant_id', 'tap-a', 'agent_id', p_agent, 'mode', 'LIVE', 'status', p_status,
        'created_at', now(), 'api_key_id', split_part(current_setting('tap.key'), '_', 2))
$$;
CREATE FUNCTION pg_temp.waiting(p_record jsonb) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_object('line', p_record::text, 'hmac', encode(sha256(current_setting('tap.outer')::bytea
        || sha256(current_setting('tap.inner')::bytea || p_record::text::bytea)), 'hex'))
$$;
CREATE FUNCTION pg_temp.result(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_result text;
BEGIN
    PERFORM audit.enter_tenant(current_setting('tap.key'));
    EXECUTE p_call INTO v_result;
    RETURN v_result;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
CREATE FUNCTION pg_temp.replay(VARIADIC p_records jsonb[]) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.result(format('SELECT string_agg(coalesce(o ->> ''sqlstate'', ''stored''), '' '') FROM json_array_elements('
        'audit.replay_audit_logs(%L)) AS o', (SELECT json_agg(pg_temp.waiting(r)) FROM unnest(p_records) AS r)))
$$;
CREATE FUNCTION pg_temp.written(p_function text, VARIADIC p_records jsonb[]) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.result(format('SELECT audit.%I(%L)', p_function, (SELECT json_agg(r) FROM unnest(p_records) AS r)))
$$;
CREATE FUNCTION pg_temp.stored() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
    SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-a'
$$;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.replay(pg_temp.record('stopped')), '42501', 'a replay whose INSERT is refused as such is');
SELECT is(pg_temp.replay(pg_temp.record('agent', 'x'), pg_temp.record('agent', 'y')), '23514 23514',
    'a rule of the table is about its record');
SELECT is(pg_temp.replay(pg_temp.record('agent', 'x'), pg_temp.record('stopped')), '42501',
    'also where it is met one by one, after a record that is refused');
SELECT is(pg_temp.replay(pg_temp.record('agent'), pg_temp.record('agent', 'x'), pg_temp.record('stopped')), '42501',
    'and after one that would be stored');
SELECT is(pg_temp.stored(), 0::bigint, 'nothing of it is stored');
SELECT is(pg_temp.replay(pg_temp.record('agent'), pg_temp.record('agent', 'x')), 'stored 23514', 'without it all have their outcome');

SELECT is(pg_temp.written(name, pg_temp.record('agent'), pg_temp.record('stopped')), '42501', name || ' is refused as such')
FROM (VALUES ('import_audit_logs'), ('insert_audit_logs')) AS f (name);
SELECT is(pg_temp.written(name, pg_temp.record('agent', 'x'), pg_temp.record('stopped')), '23514',
    name || ' names the first record that is refused')
FROM (VALUES ('import_audit_logs'), ('insert_audit_logs')) AS f (name);
SELECT is(pg_temp.stored(), 1::bigint, 'nothing of these is stored');
SELECT is(pg_temp.written(name, pg_temp.record('agent'), pg_temp.record('agent')), '2', name || ' takes the others')
FROM (VALUES ('import_audit_logs'), ('insert_audit_logs')) AS f (name);
SELECT is(pg_temp.stored(), 5::bigint, 'which are there');

SELECT is(pg_temp.written('import_audit_log_batch', pg_temp.record('agent', 'x'), pg_temp.record('stopped')), '42501',
    'an import with outcomes is refused as such too');

-- Records of several requests with one key.
SELECT is(pg_temp.result(format('SELECT string_agg(coalesce(o ->> ''sqlstate'', o ->> ''tenant_id''), '' '') FROM json_array_elements('
    'audit.insert_audit_log_batch(%L)) AS o', (SELECT json_agg(pg_temp.record(agent, status)
        || jsonb_build_object('position', n, 'api_key', current_setting('tap.key'))) FROM (VALUES (1, 'agent', 'success'),
        (2, 'stopped', 'success'), (3, 'agent', 'x'), (4, 'agent', 'success')) AS r (n, agent, status)))),
    'tap-a 42501 23514 tap-a', 'of live records each has its own outcome, whatever it is');
SELECT is(pg_temp.stored(), 7::bigint, 'and the others are stored');

SELECT * FROM finish();
ROLLBACK;
