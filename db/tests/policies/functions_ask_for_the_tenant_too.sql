-- Proves: the functions ask for the tenant themselves. Called by one whom no policy binds, or beside a stray policy, they
-- still keep to the tenant of their transaction.

BEGIN;
SELECT plan(27);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-b', 'tap', ARRAY['write']) AS key_of_b,
       audit.issue_api_key('tap-b', 'tap', ARRAY['import']) AS importer_of_b \gset
SET LOCAL app.tenant_id = 'tap-a';
\set id_of_a '''01900000-0000-7000-8000-00000000000a'''
\set id_of_b '''01900000-0000-7000-8000-0000000000bb'''
SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => :id_of_a) \gset

-- Of an export, how many records, and which it takes for the newest.
CREATE FUNCTION pg_temp.exported(p_order text) RETURNS text LANGUAGE sql AS $$
    SELECT audit.continue_export(json_build_object('format', 'csv', 'order', p_order, 'count', 0)::text);
    SELECT concat_ws(' to ', sum(regexp_count(convert_from(lines, 'UTF8'), ',"agent",')), max(state::json ->> 'newest_id'))
    FROM audit.export_audit_logs()
$$;

-- By a superuser, who sees every record.
SET LOCAL app.tenant_id = 'tap-b';
SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => :id_of_b) \gset
SELECT is(audit.list_audit_logs()::json ->> 'count', '1', 'the newest records of tap-b: one');
SELECT is(audit.list_audit_logs(p_order => 'asc')::json ->> 'count', '1', 'the oldest: one');
SELECT is(audit.list_audit_logs(p_agent_id => 'agent')::json ->> 'count', '1', 'the newest of an agent: one');
SELECT is(audit.list_audit_logs(p_agent_id => 'agent', p_order => 'asc')::json ->> 'count', '1', 'the oldest: one');
SELECT is(audit.count_audit_logs()::json ->> 'count', '1', 'counted: one');
SELECT is(audit.count_audit_logs(p_agent_id => 'agent')::json ->> 'count', '1', 'counted for an agent: one');
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES ('tap-a', 1, 1, sha256(''), '', now());
INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at) VALUES ('tap-a', 1, 1, sha256(''), 'note', now());
SELECT is(audit.count_hours('tap-b', 1) #>> '{0,records}', '1', 'the records of this hour: one');
SELECT is((audit.describe_evidence('tap-b')).sealing ->> 'waiting', '1', 'of the newest records one waits for a leaf');
SELECT is((audit.describe_evidence('tap-b')).sealing ->> 'epoch', NULL, 'there is no tree');
SELECT is((audit.describe_evidence('tap-b')).checkpoint ->> 'size', NULL, 'nor a checkpoint');
SELECT is(pg_temp.exported(o), '1 to ' || :id_of_b, 'an export of tap-b, ' || o || ': one')
FROM (VALUES ('asc'), ('desc')) AS orders (o);
SELECT throws_ok(format($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => %L)$$, :id_of_a), 'RF004', NULL,
    'a record of tap-a is none that tap-b has written before');
SELECT is_empty(
    $$SELECT FROM json_array_elements(audit.list_admin_events()::json -> 'items') AS item WHERE item ->> 'tenant_id' <> 'tap-b'$$,
    'the acts on tap-b are no others');
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(audit.list_audit_logs()::json ->> 'count', '1', 'the newest records of tap-a: one');
SELECT is(audit.list_audit_logs(p_order => 'asc')::json ->> 'count', '1', 'the oldest: one');
SELECT is(pg_temp.exported(o), '1 to ' || :id_of_a, 'an export of tap-a, ' || o || ': one')
FROM (VALUES ('asc'), ('desc')) AS orders (o);
SELECT lives_ok(format($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => %L)$$, :id_of_a),
    'a record of tap-a is one that tap-a has written before');

-- Beside a policy that shows the owner everything.
CREATE FUNCTION pg_temp.repeated(p_id text) RETURNS text LANGUAGE sql STABLE AS
$$SELECT format('SELECT audit.import_audit_logs(%L)', json_build_array(json_build_object(
    'id', p_id, 'agent_id', 'agent', 'mode', 'LIVE', 'status', 'success', 'created_at', now())))$$;
-- HMAC-SHA-256 (RFC 2104) of a key of 32 bytes, made here as the service makes it.
\ir ../support/hmac.sql
-- And of a record that waited.
CREATE FUNCTION pg_temp.waited(p_id text, p_key text) RETURNS text LANGUAGE sql SECURITY DEFINER AS
$$SELECT format('SELECT audit.replay_audit_logs(%L) ->> 0', json_build_array(json_build_object('line', l.line, 'hmac',
      pg_temp.hmac(sha256(('ringfence spool key of secret:' || split_part(p_key, '_', 3))::bytea), l.line::bytea))))
  FROM (VALUES (json_build_object('id', p_id, 'tenant_id', 'tap-b', 'agent_id', 'agent', 'mode', 'LIVE', 'status', 'success',
      'created_at', now(), 'api_key_id', split_part(p_key, '_', 2))::text)) AS l (line)$$;
CREATE FUNCTION pg_temp.one(p_id text) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_array(json_build_object('id', p_id, 'agent_id', 'agent', 'mode', 'LIVE', 'status', 'success')) $$;
CREATE FUNCTION pg_temp.outcome(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_outcome text; BEGIN EXECUTE p_call INTO v_outcome; RETURN v_outcome; END $$;
CREATE POLICY stray ON audit.audit_logs TO audit_owner USING (true);
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO audit_app', pg_my_temp_schema()::regnamespace); END $$;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'a key of tap-b that may only write');
SELECT is(audit.are_stored(pg_temp.one(:id_of_a)), false,
    'is not told of a record of tap-a');
SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000b') \gset
SELECT is(audit.are_stored(pg_temp.one('01900000-0000-7000-8000-00000000000b')), true,
    'but of its own');
-- The same for an import, which finds what it repeats by itself.
SELECT is(audit.enter_tenant(:'importer_of_b'), 'tap-b', 'a key of tap-b that may only import');
SELECT throws_ok(pg_temp.repeated(:id_of_a), 'RF004', NULL, 'repeats no record of tap-a');
SELECT lives_ok(pg_temp.repeated('01900000-0000-7000-8000-00000000000b'), 'but its own');
-- And for what waited.
SELECT matches(pg_temp.outcome(pg_temp.waited(:id_of_a, :'key_of_b')), 'RF004', 'what waited for tap-b is no record of tap-a');
SELECT is(pg_temp.outcome(pg_temp.waited('01900000-0000-7000-8000-00000000000b', :'key_of_b')), NULL, 'but its own');

SELECT * FROM finish();
ROLLBACK;
