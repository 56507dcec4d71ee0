-- Proves: a context is kept as it was sent on every road, is refused on every road when it breaks the rule, with the record beside it as
-- that road does, and belongs to what a repeated record is compared by.

BEGIN;
SELECT plan(36);

\ir ../support/gateway.sql
\ir ../support/refusal.sql
\ir ../support/hmac.sql
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap', ARRAY['import']) AS import_key \gset
SELECT set_config('tap.key', :'key', true), set_config('tap.import_key', :'import_key', true) \gset
CREATE FUNCTION pg_temp.context_of(p_agent_id text) RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER AS
    $$SELECT string_agg(coalesce(l.context::text, 'none'), '; ') FROM audit.audit_logs AS l WHERE l.tenant_id = 'tap-a' AND l.agent_id = p_agent_id$$;
-- One record by each road, with this member of its object: '' for none. What comes of it: nothing, or the refusal.
CREATE FUNCTION pg_temp.write(p_road text, p_id uuid, p_member text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_record text := format('{"id": "%s", "agent_id": "%s", "mode": "LIVE", "status": "success", "created_at": "%s"%s',
        p_id, p_road, now() - interval '1 hour', p_member);
    v_key    text := current_setting('tap.key');
    v_answer json;
BEGIN
    IF p_road IN ('many', 'import') THEN
        PERFORM audit.enter_tenant(CASE p_road WHEN 'many' THEN v_key ELSE current_setting('tap.import_key') END);
        RETURN pg_temp.refusal(format('SELECT audit.%I(%L)', CASE p_road WHEN 'many' THEN 'insert_audit_logs' ELSE 'import_audit_logs' END,
            '[' || v_record || '}]'));
    ELSIF p_road = 'import batch' THEN
        PERFORM audit.enter_tenant(current_setting('tap.import_key'));
        v_answer := audit.import_audit_log_batch(('[' || v_record || '}]')::json) #> '{refusals,0}';
    ELSIF p_road = 'batch' THEN
        v_answer := audit.insert_audit_log_batch(format('[%s, "position": 1, "api_key": "%s"}]', v_record, v_key)::json) -> 0;
    ELSE
        v_record := format('%s, "tenant_id": "tap-a", "api_key_id": "%s"}', v_record, split_part(v_key, '_', 2));
        v_answer := audit.replay_audit_logs(json_build_array(json_build_object('line', v_record, 'hmac', pg_temp.hmac(
            sha256(('ringfence spool key of secret:' || split_part(v_key, '_', 3))::bytea), convert_to(v_record, 'UTF8'))))) -> 0;
    END IF;
    RETURN coalesce(nullif(concat_ws('|', v_answer ->> 'sqlstate', nullif(v_answer ->> 'column', ''), nullif(v_answer ->> 'constraint', '')), ''),
        'accepted');
END
$$;
CREATE TEMPORARY TABLE road AS
    SELECT r.name, ('01900000-0000-7000-8000-00000000000' || r.n)::uuid AS id, ('01900000-0000-7000-8000-00000000001' || r.n)::uuid AS other_id
    FROM (VALUES ('many', 1), ('batch', 2), ('import', 3), ('import batch', 4), ('replay', 5)) AS r (name, n);
GRANT SELECT ON road TO audit_app;

SET LOCAL SESSION AUTHORIZATION audit_app;
\set context '{ "event":"Gr\\u00fc\\u00dfe" ,\t"origin": 1.0}'
SELECT is(pg_temp.write(name, id, ', "context": ' || :'context'), 'accepted', name || ': a context is accepted') FROM road ORDER BY id;
SELECT is(pg_temp.context_of(name), :'context', name || ': and kept, byte for byte') FROM road ORDER BY id;
SELECT is(pg_temp.write(name, id, ', "context": ' || :'context'), 'accepted', name || ': the same again is a retry') FROM road ORDER BY id;
SELECT alike(pg_temp.write(name, id, member), 'RF004%', format('%s: %s under the same id is another record', name, said))
FROM road, (VALUES ('', 'no context'), (', "context": {"event": "other"}', 'another')) AS m (member, said)
WHERE name IN ('batch', 'replay') ORDER BY id, said;
SELECT alike(pg_temp.write(name, other_id, ', "context": {"colour": "red"}'), '23514%audit_logs_context_form%', name || ': one that breaks the rule is refused')
FROM road ORDER BY id;
SELECT alike(pg_temp.write(name, other_id, ', "context": "{"'), CASE name WHEN 'many' THEN 'RF003|%record 1|context' WHEN 'import' THEN 'RF003|%record 1|context'
    ELSE 'RF003|context' END, name || ': a text that is no JSON too, by its name') FROM road ORDER BY id;

-- One record, by its argument.
SELECT audit.enter_tenant(:'key') \gset
PREPARE writing (text) AS SELECT audit.insert_audit_log('one', 'LIVE', 'success', p_context => $1, p_id => '01900000-0000-7000-8000-0000000000aa');
SELECT is(pg_temp.refusal($$EXECUTE writing ('{"event" :')$$), 'RF003|the context is not JSON|context', 'one: what is no JSON is refused by its name');
SELECT alike(pg_temp.refusal($$EXECUTE writing ('[]')$$), '23514|%|audit_logs_context_form|audit_logs', 'one: what is no context, by the rule');
SELECT lives_ok($$EXECUTE writing ('{"event" :"a"}')$$, 'one: a context is accepted');
SELECT is(pg_temp.context_of('one'), '{"event" :"a"}', 'one: and kept');
SELECT lives_ok($$EXECUTE writing ('{"event" :"a"}')$$, 'one: again');
SELECT throws_ok($$EXECUTE writing ('{"event":"a"}')$$, 'RF004', NULL, 'one: in other words it is another record');
SELECT throws_ok($$EXECUTE writing (NULL)$$, 'RF004', NULL, 'one: as it is without');

SELECT * FROM finish();
ROLLBACK;
