-- Proves: on every road a record says when the server wrote it, in which transaction, and with which key, and no caller has a say in that:
-- no role, no member of a JSON object, no setting, not even one that changes in the middle of a statement. Each attempt stands beside
-- the same insert without it. And the number of the transaction is read by nobody.

BEGIN;
SELECT plan(54);

\ir ../support/gateway.sql
\ir ../support/hmac.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap') AS key_too,
       audit.issue_api_key('tap-a', 'tap', ARRAY['import']) AS import_key, audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
SELECT split_part(:'key', '_', 2) AS id_of_key, split_part(:'key_too', '_', 2) AS id_of_key_too, clock_timestamp() AS began \gset
-- Whether the record of this agent was recorded now, in this transaction; and with which key.
CREATE FUNCTION pg_temp.recorded(p_agent_id text, p_began timestamptz) RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT string_agg(concat_ws(', ', CASE WHEN l.recorded_at BETWEEN p_began AND clock_timestamp() THEN 'now' ELSE 'not now' END,
        CASE WHEN l.recorded_xid = pg_current_xact_id() THEN 'here' ELSE 'not here' END, coalesce('key ' || l.api_key_id, 'no key')), '; ')
    FROM audit.audit_logs AS l WHERE l.tenant_id = 'tap-a' AND l.agent_id = p_agent_id
$$;
CREATE FUNCTION pg_temp.line(p_agent_id text, p_key text) RETURNS json LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_line text := json_build_object('id', gen_random_uuid(), 'tenant_id', 'tap-a', 'agent_id', p_agent_id, 'mode', 'LIVE', 'status', 'success',
        'created_at', now() - interval '2 hours', 'api_key_id', split_part(p_key, '_', 2))::text;
BEGIN
    RETURN json_build_array(json_build_object('line', v_line, 'hmac', pg_temp.hmac(
        sha256(('ringfence spool key of secret:' || split_part(p_key, '_', 3))::bytea), v_line::bytea)));
END
$$;
-- What a caller could try: every member that only the database sets.
\set forged '"recorded_at": "2001-01-01T00:00:00Z", "recorded_xid": "1", "api_key_id": "0123456789abcdef", "tenant_id": "tap-b"'
\set live '"mode": "LIVE", "status": "success"'

-- With a key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT audit.insert_audit_log('keyed', 'LIVE', 'success'),
       audit.insert_audit_logs(('[{"agent_id": "keyed many", ' || :'live' || ', ' || :'forged' || '}]')::json) \gset
SELECT audit.insert_audit_log_batch(json_build_array(json_build_object('position', 1, 'api_key', :'key_too', 'agent_id', 'keyed batch', 'mode', 'LIVE',
    'status', 'success', 'recorded_at', '2001-01-01', 'recorded_xid', '1', 'api_key_id', :'id_of_key'))) AS keyed_batch \gset
SELECT audit.replay_audit_logs(pg_temp.line('keyed replay', :'key_too')) AS keyed_replay \gset
SELECT audit.enter_tenant(:'import_key') \gset
SELECT audit.import_audit_logs(('[{"agent_id": "import", "created_at": "2001-01-01T00:00:00Z", ' || :'forged' || '}]')::json),
       audit.import_history(('[{"agent_id": "history", "created_at": "2001-01-01T00:00:00Z", ' || :'forged' || '}]')::json) \gset
-- Under a name: without what a key has left in this transaction.
SET LOCAL app.scopes = '';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT audit.insert_audit_log('named', 'LIVE', 'success'),
       audit.insert_audit_logs(('[{"agent_id": "named many", ' || :'live' || ', ' || :'forged' || '}]')::json) \gset
SELECT audit.insert_audit_log_batch(json_build_array(json_build_object('position', 1, 'tenant_id', 'tap-a', 'agent_id', 'named batch', 'mode', 'LIVE',
    'status', 'success', 'api_key_id', :'id_of_key'))) AS named_batch \gset
SELECT audit.replay_audit_logs(pg_temp.line('named replay', '')) AS named_replay \gset
SELECT is(pg_temp.recorded(agent, :'began'), 'now, here, ' || writer, 'recorded now, here, with its key: ' || agent)
FROM (VALUES ('keyed',        'key ' || :'id_of_key'),
             ('keyed many',   'key ' || :'id_of_key'),
             ('keyed batch',  'key ' || :'id_of_key_too'),
             ('keyed replay', 'key ' || :'id_of_key_too'),
             ('import',       'key ' || split_part(:'import_key', '_', 2)),
             ('history',      'key ' || split_part(:'import_key', '_', 2)),
             ('named',        'no key'), ('named many', 'no key'), ('named batch', 'no key'), ('named replay', 'no key')) AS road (agent, writer);
RESET SESSION AUTHORIZATION;
SELECT is(count(*), 0::bigint, 'and none of them in another tenant') FROM audit.audit_logs WHERE tenant_id = 'tap-b';
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-a' AND recorded_at > created_at + interval '1 hour'), 4::bigint,
    'what keeps the time it was made at says when it came');

-- No role may choose them.
SELECT set_config('tap.key', :'key', true), set_config('tap.import_key', :'import_key', true) \gset
CREATE FUNCTION pg_temp.inserts(p_role text, p_columns text, p_values text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', CASE p_role WHEN 'audit_owner' THEN 'audit_migrator' ELSE p_role END);
    IF p_role = 'audit_app' THEN
        PERFORM audit.enter_tenant(current_setting('tap.key'));
    ELSIF p_role = 'tap_gateway' THEN
        PERFORM audit.set_tenant('tap-a');
    ELSE
        SET LOCAL ROLE audit_owner;
        PERFORM audit.enter_tenant(current_setting('tap.import_key'));
    END IF;
    EXECUTE format('INSERT INTO audit.audit_logs (id, tenant_id, agent_id%s) VALUES (gen_random_uuid(), ''tap-a'', ''tried''%s)', p_columns, p_values);
    RESET ROLE;
    RESET SESSION AUTHORIZATION;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    RESET ROLE;
    RESET SESSION AUTHORIZATION;
    RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.inserts(role, '', ''), 'accepted', role || ': a record is accepted')
FROM (VALUES ('tap_gateway'), ('audit_app'), ('audit_owner')) AS r (role);
SELECT is(pg_temp.inserts(role, ', ' || name, ', ' || value), 'permission denied for table audit_logs', format('%s: not with %s', role, name))
FROM (VALUES ('tap_gateway'), ('audit_app')) AS r (role),
     (VALUES ('recorded_at', 'now()'), ('recorded_xid', '''1'''), ('recorded_xid', 'pg_current_xact_id()'), ('api_key_id', '''k'''),
             ('api_key_id', 'NULL')) AS c (name, value);
SELECT is(pg_temp.inserts('audit_app', ', api_key_id', format(', %L', :'id_of_key')), 'permission denied for table audit_logs',
    'not even the proven key itself');
-- As the owner only our own functions act, and they do not choose either: the policy has the last word about the key.
SELECT is(pg_temp.inserts('audit_owner', ', api_key_id', format(', %L', value)),
    'new row violates row-level security policy for table "audit_logs"', 'audit_owner: not with ' || said)
FROM (VALUES (:'id_of_key', 'another key'), (NULL, 'no key')) AS c (value, said);

-- By a setting: the default reads app.proof, which any session can set.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
PREPARE appending AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'set');
SELECT audit.set_tenant('tap-a'), set_config('app.proof', '1:' || :'id_of_key' || ':0:x', true) \gset
SELECT throws_ok('EXECUTE appending', '42501', 'new row violates row-level security policy for table "audit_logs"', 'a gateway that sets a proof');
SELECT set_config('app.proof', '', true) \gset
SELECT lives_ok('EXECUTE appending', 'without it: accepted');
SELECT set_config('app.proof', '1:' || :'id_of_key' || ':0:x', true) \gset
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'a proof that was left in a session');
SELECT lives_ok('EXECUTE appending', 'does not reach the next tenant that is named');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT current_setting('app.proof') AS proof \gset
SELECT audit.enter_tenant(:'key_too') \gset
SELECT current_setting('app.proof') AS proof_too, replace(:'proof', :'id_of_key', :'id_of_key_too') AS forged_proof \gset
SELECT set_config('app.proof', :'forged_proof', true) \gset
SELECT throws_ok('EXECUTE appending', '42501', 'new row violates row-level security policy for table "audit_logs"', 'a key that puts another in its proof');
SELECT set_config('app.proof', :'proof', true) \gset
SELECT lives_ok('EXECUTE appending', 'the genuine one: accepted');
-- In the middle of a statement: between the columns of a row, and between rows. The columns come in the order of the table: what agent_id
-- and context set is what api_key_id reads, or is not.
PREPARE switching (text, text, text) AS
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, error, context)
    VALUES (gen_random_uuid(), 'tap-a', left('switch ' || set_config('app.proof', $1, true), 6), $3,
            CASE WHEN set_config('app.proof', $2, true) <> '' THEN json '{}' END);
SELECT throws_ok(format('EXECUTE switching (%L, %L, %L)', :'forged_proof', :'proof', 'forged, then genuine'), '42501', NULL,
    'a forged proof for the column, the genuine one for the policy');
SELECT throws_ok(format('EXECUTE switching (%L, %L, %L)', :'proof_too', :'proof', 'the other key'), '42501', NULL,
    'the proof of another key of the tenant for the column');
SELECT throws_ok(format('EXECUTE switching (%L, %L, %L)', :'proof', :'forged_proof', 'genuine, then forged'), '42501', NULL,
    'the genuine one for the column, a forged one for the policy');
SELECT lives_ok(format('EXECUTE switching (%L, %L, %L)', :'proof', :'proof', 'one'), 'one genuine proof for both: accepted');
SELECT lives_ok(format('EXECUTE switching (%L, %L, %L)', :'proof_too', :'proof_too', 'two'), 'the other for both: accepted');
PREPARE rows (text, text) AS
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    SELECT gen_random_uuid(), 'tap-a', left('row' || set_config('app.proof', p.proof, true), 3) FROM unnest(ARRAY[$1, $2]) AS p (proof);
SELECT throws_ok(format('EXECUTE rows (%L, %L)', :'proof', :'proof_too'), '42501', NULL, 'another key from the second row on');
SELECT throws_ok(format('EXECUTE rows (%L, %L)', :'proof', :'forged_proof'), '42501', NULL, 'a forged one from the second row on');
SELECT lives_ok(format('EXECUTE rows (%L, %L)', :'proof', :'proof'), 'the same for both rows: accepted');
SELECT is(audit.proven_writer('write'), 'tap-a:' || :'id_of_key', 'the tenant and the key that are proven');
SELECT is(audit.proven_writer('import'), NULL, 'with this scope alone');
SELECT set_config('app.proof', :'forged_proof', true) \gset
SELECT is(audit.proven_writer('write'), NULL, 'and by a genuine proof');
SELECT set_config('app.proof', :'proof', true), set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is(audit.proven_writer('write'), NULL, 'of this tenant');

-- Who reads them.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE recorded_at IS NULL), 0::bigint, 'a gateway reads when a record was written');
SELECT is((SELECT count(DISTINCT api_key_id) FROM audit.audit_logs), 3::bigint, 'and with which key');
SELECT throws_ok(query, '42501', 'permission denied for table audit_logs', 'but nowhere the number of the transaction: ' || query)
FROM (VALUES ('SELECT recorded_xid FROM audit.audit_logs'), ('SELECT * FROM audit.audit_logs'), ('SELECT l FROM audit.audit_logs AS l'),
             ('SELECT agent_id FROM audit.audit_logs ORDER BY recorded_xid'),
             ('SELECT agent_id FROM audit.audit_logs WHERE recorded_xid > ''1''::xid8')) AS q (query);
-- A record from before has none of them.
RESET SESSION AUTHORIZATION;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, recorded_at, recorded_xid, api_key_id)
VALUES ('01900000-0000-7000-8000-00000000000f', 'tap-a', 'before', NULL, NULL, NULL);
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is((SELECT array_agg(value ORDER BY key) FROM json_each_text(audit.get_audit_log('01900000-0000-7000-8000-00000000000f')::json)
           WHERE key IN ('recorded_at', 'api_key_id', 'context')), ARRAY[NULL, NULL, NULL], 'a record from before is listed with none of them');

SELECT * FROM finish();
ROLLBACK;
