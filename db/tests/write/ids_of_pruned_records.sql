-- Proves: no record takes the id of one that was pruned, of whichever tenant, on any road by which records come; beside it other ids are taken, and of several
-- records the others are stored where the road answers for each.

BEGIN;
SELECT plan(26);
\ir ../support/kept.sql
\ir ../support/gateway.sql
\ir ../support/answer.sql
\ir ../support/hmac.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['write', 'read', 'import']) AS key, audit.set_retention('tap-a', 200, NULL) \gset
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;
SELECT pg_temp.kept('tap-a', 1, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal() \gset
SELECT pg_temp.as_retention('pruned FROM audit.prune_records(10000)') \gset
CREATE FUNCTION pg_temp.stored(p_id uuid) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) FROM audit.audit_logs WHERE id = p_id $$;
CREATE FUNCTION pg_temp.records(VARIADIC p_ids uuid[]) RETURNS json LANGUAGE sql AS $$
    SELECT json_agg(json_build_object('id', id, 'agent_id', 'agent', 'mode', 'LIVE', 'status', 'success')) FROM unnest(p_ids) AS id
$$;
CREATE FUNCTION pg_temp.batch(p_key text, VARIADIC p_ids uuid[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(concat_ws('|', o ->> 'sqlstate', o ->> 'message', o ->> 'column'), ''), ', ' ORDER BY n)
    FROM json_array_elements(audit.insert_audit_log_batch((
        SELECT json_agg(json_strip_nulls(json_build_object('position', n, 'id', id, 'agent_id', 'agent', 'mode', 'LIVE', 'status', 'success', 'api_key', p_key,
                                         'tenant_id', CASE WHEN p_key IS NULL THEN 'tap-a' END)))
        FROM unnest(p_ids) WITH ORDINALITY AS i (id, n)))) WITH ORDINALITY AS r (o, n)
$$;
CREATE FUNCTION pg_temp.history(VARIADIC p_ids uuid[]) RETURNS json LANGUAGE sql AS $$
    SELECT json_agg(json_build_object('id', id, 'agent_id', 'agent', 'created_at', '2020-01-01T00:00:00Z')) FROM unnest(p_ids) AS id
$$;
CREATE FUNCTION pg_temp.replayed(p_key text, VARIADIC p_ids uuid[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(concat_ws('|', o ->> 'sqlstate', o ->> 'message', o ->> 'column'), ''), ', ' ORDER BY n)
    FROM json_array_elements(audit.replay_audit_logs((
        SELECT json_agg(json_build_object('line', line, 'hmac', pg_temp.hmac(sha256(('ringfence spool key of secret:' || split_part(p_key, '_', 3))::bytea), line::bytea)) ORDER BY n)
        FROM unnest(p_ids) WITH ORDINALITY AS i (id, n)
        CROSS JOIN LATERAL (SELECT json_build_object('id', id, 'tenant_id', 'tap-a', 'agent_id', 'agent', 'mode', 'LIVE', 'status', 'success', 'created_at', now() - interval '1 hour',
                                                     'api_key_id', split_part(p_key, '_', 2))::text) AS l (line)))) WITH ORDINALITY AS r (o, n)
$$;
SELECT pg_temp.id_of('tap-a', 1) AS pruned, gen_random_uuid() AS new_1, gen_random_uuid() AS new_2, gen_random_uuid() AS new_3, gen_random_uuid() AS new_4,
       gen_random_uuid() AS new_5, gen_random_uuid() AS new_6 \gset
\set refused 'RF004|the id belongs to another record|id'

SELECT is(audit.are_pruned(ids), answer, said)
FROM (VALUES (ARRAY[:'pruned']::uuid[], true, 'the id of a pruned record'), (ARRAY[:'new_1', :'pruned']::uuid[], true, 'among others'),
             (ARRAY[:'new_1']::uuid[], false, 'another id'), ('{}', false, 'no id'), (NULL, false, 'nothing')) AS i (ids, answer, said);

-- One record, many, and a batch, by name.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.answer(format('audit.insert_audit_log(''agent'', ''LIVE'', ''success'', p_id => %L)', :'pruned')), :'refused', 'one record');
SELECT is(pg_temp.answer(format('audit.insert_audit_log(''agent'', ''LIVE'', ''success'', p_id => %L)', :'new_1')), :'new_1', 'another id is taken');
SELECT isnt(audit.insert_audit_log('agent', 'LIVE', 'success'), NULL, 'and one that the database makes');
SELECT is(pg_temp.answer(format('audit.insert_audit_logs(%L)', pg_temp.records(:'new_2', :'pruned'))), :'refused', 'many records');
SELECT is(pg_temp.stored(:'new_2'), 0::bigint, 'of which none is stored');
SELECT unalike(pg_temp.answer(format('audit.insert_audit_logs(%L)', pg_temp.records(:'new_2'))), 'RF%', 'without it they are');
SELECT is(pg_temp.stored(:'new_2'), 1::bigint, 'stored');
SELECT is(pg_temp.batch(NULL, :'new_3', :'pruned', :'new_4'), ', ' || :'refused' || ', ', 'a batch: that record alone is refused');
SELECT is(concat(pg_temp.stored(:'new_3'), pg_temp.stored(:'pruned'), pg_temp.stored(:'new_4')), '101', 'and the others are stored');
-- Another tenant is told the same.
SELECT audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.answer(format('audit.insert_audit_log(''agent'', ''LIVE'', ''success'', p_id => %L)', :'pruned')), :'refused', 'another tenant does not take it either');
SELECT is(pg_temp.answer('count(*) FROM audit.pruned_ids'), '42501|permission denied for table pruned_ids', 'nor reads which there are');
RESET SESSION AUTHORIZATION;

-- With a key.
SELECT set_config('app.tenant_id', '', true) \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.answer(format('audit.insert_audit_log(''agent'', ''LIVE'', ''success'', p_id => %L)', :'pruned')), :'refused', 'with a key: one record');
SELECT is(pg_temp.answer(format('audit.insert_audit_logs(%L)', pg_temp.records(:'pruned'))), :'refused', 'with a key: many');
SELECT is(pg_temp.batch(:'key', :'pruned', :'new_5'), :'refused' || ', ', 'with a key: a batch');
SELECT is(pg_temp.stored(:'new_5'), 1::bigint, 'of which the other is stored');
-- Imports and replays.
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.answer(format('audit.import_audit_logs(%L)', pg_temp.history(:'new_6', :'pruned'))), :'refused', 'an import');
SELECT is(pg_temp.stored(:'new_6'), 0::bigint, 'of which nothing is stored');
SELECT unalike(pg_temp.answer(format('audit.import_audit_logs(%L)', pg_temp.history(:'new_6'))), 'RF%', 'without it, it is taken');
SELECT gen_random_uuid() AS new_7 \gset
SELECT is(pg_temp.replayed(:'key', :'pruned', :'new_7'), :'refused' || ', ', 'a replay: that record is refused');
SELECT is(concat(pg_temp.stored(:'pruned'), pg_temp.stored(:'new_7')), '01', 'and the other is stored');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.pruned_ids WHERE id = :'pruned'), 1::bigint, 'the id is noted once');

SELECT * FROM finish();
ROLLBACK;
