-- Proves: an evidence bundle shows every leaf of its tenant up to the newest checkpoint, whole, or those of a window of time; its lines lead to
-- the roots of all epochs; a record that was deleted or changed shows; and it is begun for readers, of what is sealed and signed, with no
-- filters but the times.

BEGIN;
SELECT plan(67);
SET LOCAL client_min_messages = warning;   -- sealing says which trees it leaves out

\ir ../support/gateway.sql
\ir ../support/signer.sql
\ir ../support/trees.sql
\ir ../support/sealed.sql
\ir ../support/answer.sql
\ir ../support/bundle.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-new') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS writing_key \gset
GRANT ALL ON known_events TO tap_gateway, audit_app;

-- Seven records, a second after the other, but the third says that it is older than the first; of another tenant, one. Six are signed.
SELECT pg_temp.record('tap-b', md5('b')::uuid) \gset
SELECT count(pg_temp.record('tap-a', md5(n::text)::uuid, CASE n WHEN 3 THEN timestamptz '2025-01-01 00:00:00+00'
    ELSE timestamptz '2026-01-01 00:00:00+00' + interval '1 second' * n END)) FROM generate_series(1, 7) AS n \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.sign('tap-b'), pg_temp.sign('tap-a', 1, 2), pg_temp.sign('tap-a', 1, 6) AS note \gset
SELECT encode(audit.root_of_size('tap-a', 1, 6), 'base64') AS root \gset
CREATE FUNCTION pg_temp.leaf(n int) RETURNS text LANGUAGE sql AS $$ SELECT audit.get_leaf(md5(n::text)::uuid) $$;
CREATE FUNCTION pg_temp.omitted(p_count int, p_first int) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT format(E'{"omitted":%s,"hash":"%s"}\n', p_count, encode(pg_temp.mth((pg_temp.leaf_hashes('tap-a', 1, p_first + p_count))[p_first + 1:]), 'hex'))
$$;
-- The search for the leaves of a window, in pages of so many records, which come in the order of their times.
CREATE FUNCTION pg_temp.found(p_end_time timestamptz, p_rows int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_state jsonb := audit.begin_evidence(NULL, p_end_time) || '{"step": "window"}';
    v_calls int := 0;
BEGIN
    WHILE v_state ->> 'step' = 'window' AND v_calls < 99 LOOP
        v_state := (audit.evidence_window('tap-a', v_state, p_rows)).state;
        v_calls := v_calls + 1;
    END LOOP;
    RETURN format('%s to %s in %s pages', v_state #>> '{epochs,0,first}', v_state #>> '{epochs,0,last}', v_calls);
END
$$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;

-- Whole, by name.
SELECT count(*) FROM pg_temp.new_events() \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT pg_temp.exported() AS bundle \gset
SELECT matches(:'bundle'::text, '^\{"evidence":1,"tenant_id":"tap-a","created_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z","epochs":\[1\],"window":null\}\n', 'a bundle begins with what it is');
SELECT is(pg_temp.body(:'bundle'), concat(
    E'{"epoch":1,"size":6}\n', pg_temp.leaf(1), pg_temp.leaf(2), pg_temp.leaf(3), pg_temp.leaf(4), pg_temp.leaf(5), pg_temp.leaf(6),
    '{"checkpoint":', to_json(:'note'::text), E'}\n{"complete":true,"records":6}\n'), 'goes on with every leaf that is signed, the checkpoint, and its end');
SELECT results_eq(format('SELECT * FROM pg_temp.roots(%L)', :'bundle'), format('VALUES (1, 6::bigint, %L, %L)', :'root', :'note'), 'and leads to the root');
RESET SESSION AUTHORIZATION;
SELECT results_eq($$SELECT act, tenant_id FROM pg_temp.new_events()$$, $$VALUES ('records exported', 'tap-a')$$, 'it is on record');

-- The same with a key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.body(pg_temp.exported(p_api_key => :'key')), pg_temp.body(:'bundle'), 'with a key it is the same');
SELECT is(pg_temp.body(pg_temp.exported('2026-01-01 00:00:02+00', '2026-01-01 00:00:05+00', :'key')), concat(
    E'{"epoch":1,"size":6}\n', pg_temp.omitted(1, 0), pg_temp.leaf(2), pg_temp.leaf(3), pg_temp.leaf(4), pg_temp.omitted(2, 4),
    '{"checkpoint":', to_json(:'note'::text), E'}\n{"complete":true,"records":3}\n'), 'also that of a window');
RESET SESSION AUTHORIZATION;

-- Windows: from, to, first leaf, last leaf.
CREATE TEMPORARY TABLE part_of (number int GENERATED ALWAYS AS IDENTITY, start_time timestamptz, end_time timestamptz, shown text, records int, said text);
GRANT SELECT ON part_of TO tap_gateway;
INSERT INTO part_of (start_time, end_time, shown, records, said) VALUES
    ('2026-01-01 00:00:02+00', '2026-01-01 00:00:05+00', pg_temp.omitted(1, 0) || '2 3 4 ' || pg_temp.omitted(2, 4), 3, 'a start is part of it, an end is not'),
    ('2026-01-01 00:00:02.000001+00', '2026-01-01 00:00:05.000001+00', pg_temp.omitted(2, 0) || pg_temp.omitted(1, 2) || '4 5 ' || pg_temp.omitted(1, 5), 2, 'to the microsecond'),
    ('2026-01-01 00:00:05+00', NULL, pg_temp.omitted(4, 0) || '5 6 ', 2, 'what is not signed is not in it'),
    ('2026-01-01 00:00:07+00', NULL, pg_temp.omitted(4, 0) || pg_temp.omitted(2, 4), 0, 'also when nothing else is'),
    (NULL, '2026-01-01 00:00:02+00', '1 2 3 ' || pg_temp.omitted(1, 3) || pg_temp.omitted(2, 4), 3, 'the oldest record is the third leaf'),
    (NULL, '2025-01-01 00:00:01+00', pg_temp.omitted(2, 0) || '3 ' || pg_temp.omitted(1, 3) || pg_temp.omitted(2, 4), 1, 'by itself'),
    ('-infinity', 'infinity', '1 2 3 4 5 6 ', 6, 'a window of all time shows all'),
    ('2030-01-01 00:00:00+00', '2020-01-01 00:00:00+00', pg_temp.omitted(4, 0) || pg_temp.omitted(2, 4), 0, 'one that ends before it begins shows nothing');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.body(pg_temp.exported(start_time, end_time)), concat(
    E'{"epoch":1,"size":6}\n', (SELECT string_agg(CASE WHEN word ~ '^\d$' THEN pg_temp.leaf(word::int) ELSE word || E'\n' END, '' ORDER BY position)
                                FROM regexp_split_to_table(trim(E' \n' FROM shown), '[ \n]+') WITH ORDINALITY AS w (word, position)),
    '{"checkpoint":', to_json(:'note'::text), E'}\n{"complete":true,"records":', records, E'}\n'), 'a window: ' || said)
FROM part_of ORDER BY number;
SELECT is(pg_temp.roots(pg_temp.exported(start_time, end_time)), ROW(1, 6::bigint, :'root'::text, :'note'::text), 'it leads to the root: ' || said) FROM part_of ORDER BY number;
SELECT is(pg_temp.found(end_time, page), found, format('the leaves of a window to %s in pages of %s', end_time, page))
FROM (VALUES ('2030-01-01 00:00:00+00'::timestamptz, 1, '0 to 5 in 8 pages'), ('2030-01-01 00:00:00+00', 3, '0 to 5 in 3 pages'),
             ('2030-01-01 00:00:00+00', 9, '0 to 5 in 1 pages'), ('2026-01-01 00:00:02+00', 1, '0 to 2 in 3 pages'),
             ('2026-01-01 00:00:02+00', 2, '0 to 2 in 2 pages'), ('2020-01-01 00:00:00+00', 1, ' to  in 1 pages')) AS w (end_time, page, found);
SELECT matches(pg_temp.exported('2026-01-01 01:00:02.5+01', NULL), '"window":\{"start_time":"2026-01-01T00:00:02.500000Z","end_time":null\}\}\n', 'it says its start');
SELECT matches(pg_temp.exported(NULL, '2026-01-01 01:00:02.5+01'), '"window":\{"start_time":null,"end_time":"2026-01-01T00:00:02.500000Z"\}\}\n', 'and its end');
RESET SESSION AUTHORIZATION;

-- Epochs: the first is closed, and told to its end; the second was never signed; the third is signed
-- in part, to the size of a checkpoint of the first; the fourth not at all.
SELECT pg_temp.grow('tap-a', 2, 5), pg_temp.grow('tap-a', 3, 7), pg_temp.sign('tap-a', 3, 6) AS note_of_3, pg_temp.grow('tap-a', 4, 1) \gset
SELECT encode(audit.root_of_size('tap-a', 1, 7), 'base64') AS root_1, encode(audit.root_of_size('tap-a', 2, 5), 'base64') AS root_2,
       encode(audit.root_of_size('tap-a', 3, 6), 'base64') AS root_3 \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT pg_temp.exported() AS bundle, pg_temp.exported('2026-01-01 00:00:07+00') AS window_bundle \gset
SELECT matches(:'bundle'::text, '"epochs":\[1,2,3\]', 'a bundle has every epoch up to the newest that is signed');
SELECT results_eq(format('SELECT * FROM pg_temp.roots(%L)', :'bundle'),
    format('VALUES (1, 7::bigint, %L, %L), (2, 5, %L, NULL), (3, 6, %L, %L)', :'root_1', :'note', :'root_2', :'root_3', :'note_of_3'),
    'closed ones whole, each with its last checkpoint or none');
SELECT results_eq(format('SELECT * FROM pg_temp.roots(%L)', :'window_bundle'),
    format('VALUES (1, 7::bigint, %L, %L), (2, 5, %L, NULL), (3, 6, %L, %L)', :'root_1', :'note', :'root_2', :'root_3', :'note_of_3'),
    'also for a window');
SELECT is(regexp_count(:'window_bundle', '"kind":"record"'), 1, 'which shows what lies in it');
SELECT is(array_to_string(ARRAY(SELECT line FROM string_to_table(:'window_bundle', E'\n') AS l (line) WHERE line LIKE 'leaf %'), ', '),
    'leaf 0 of tap-a/2, leaf 0 of tap-a/3', 'and how each epoch began');
RESET SESSION AUTHORIZATION;

-- What a reader compares must not lie inside a subtree that is not shown.
CREATE FUNCTION pg_temp.counts(p_bundle text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(found.count[1], ' ') FROM regexp_matches(split_part(p_bundle, '{"epoch":2', 1), '"omitted":(\d+)', 'g') AS found (count)
$$;
DELETE FROM audit.checkpoints WHERE tenant_id = 'tap-a' AND epoch = 1 AND size > 2;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.counts(pg_temp.exported('2030-01-01 00:00:00+00')), '2 2 2 1', 'a closed epoch that is not shown is split where its checkpoint ends');
RESET SESSION AUTHORIZATION;
UPDATE audit.seals SET line = '{"epoch":2,"previous_epoch":1,"known_size":3,"known_root":"00"}' WHERE tenant_id = 'tap-a' AND epoch = 2 AND leaf_index = 0;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.counts(pg_temp.exported('2030-01-01 00:00:00+00')), '2 1 1 2 1', 'and at the size that the statement of the next epoch knows');
RESET SESSION AUTHORIZATION;

-- What somebody has done who may do everything.
DELETE FROM audit.audit_logs WHERE id = md5('2')::uuid;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT isnt(strpos(pg_temp.exported(), pg_temp.leaf(1) || pg_temp.omitted(1, 1) || pg_temp.leaf(3)), 0, 'a deleted record is omitted, with the hash that was sealed');
SELECT is((pg_temp.roots(pg_temp.exported())).root, :'root_1', 'so that the root stays') LIMIT 1;
RESET SESSION AUTHORIZATION;
UPDATE audit.audit_logs SET created_at = created_at + interval '1 microsecond' WHERE id = md5('1')::uuid;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT isnt((SELECT root FROM pg_temp.roots(pg_temp.exported()) WHERE epoch = 1), :'root_1', 'a record that was changed leads to another root');
RESET SESSION AUTHORIZATION;
UPDATE audit.audit_logs SET created_at = created_at - interval '1 microsecond' WHERE id = md5('1')::uuid;
UPDATE audit.audit_logs SET user_id = 'john' WHERE id = md5('1')::uuid;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT isnt((SELECT root FROM pg_temp.roots(pg_temp.exported()) WHERE epoch = 1), :'root_1', 'also in what can be erased');
RESET SESSION AUTHORIZATION;
DELETE FROM audit.seals WHERE tenant_id = 'tap-a' AND epoch = 1 AND leaf_index = 3;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.answer('pg_temp.exported()'), 'RF009|the tree contradicts itself', 'a leaf that is missing is an error');
RESET SESSION AUTHORIZATION;

-- What is refused, and is then not on record.
SELECT pg_temp.record('tap-new', md5('new')::uuid) \gset
CREATE TEMPORARY TABLE refused (number int GENERATED ALWAYS AS IDENTITY, call text, answer text);
GRANT SELECT ON refused TO tap_gateway;
INSERT INTO refused (call, answer)
SELECT format('audit.begin_export(p_format => ''evidence'', p_%s => %s)', name, value), 'RF003|evidence is filtered by start_time and end_time alone|' || name
FROM (VALUES ('agent_id', '''agent'''), ('trace_id', '''trace'''), ('user_id', '''jane'''), ('mode', '''LIVE'''), ('status', '''error'''),
             ('http_status', '500'), ('api_key_id', '''0123456789abcdef'''), ('context', '''{}''')) AS f (name, value);
INSERT INTO refused (call, answer) VALUES
    ('audit.begin_export(p_format => ''proof'')', 'RF003|format is ndjson, csv or evidence|format'),
    ('audit.begin_export(p_format => NULL)', 'RF003|format is ndjson, csv or evidence|format');
SELECT count(*) FROM pg_temp.new_events() \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.answer(call), answer, 'refused: ' || call) FROM refused ORDER BY number;
SELECT audit.set_tenant('tap-new') \gset
SELECT is(pg_temp.answer('audit.begin_export(p_format => ''evidence'')'), 'RF010|not sealed yet', 'nothing is sealed');
RESET SESSION AUTHORIZATION;
SELECT pg_temp.seal() \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-new') \gset
SELECT is(pg_temp.answer('audit.begin_export(p_format => ''evidence'')'), 'RF010|not sealed yet', 'nothing is signed');
SELECT set_config('app.tenant_id', 'nobody', true) \gset
SELECT is(pg_temp.answer('audit.begin_export(p_format => ''evidence'')'), 'RF002|the tenant is not registered', 'an unregistered tenant has no evidence');
SELECT set_config('app.tenant_id', '', true) \gset
SELECT is(pg_temp.answer('audit.begin_export(p_format => ''evidence'')'), 'RF001|no tenant is set for this transaction', 'nor has none');
SELECT audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.answer(format('(SELECT count(*) FROM audit.evidence_part(%L))', state)), 'RF003|no export is under way in this transaction|state', 'a made-up state ends: ' || state)
FROM (VALUES ('{"format":"evidence","step":"leaves","epochs":[],"position":0,"leaf":0,"count":0}'),
             ('{"format":"evidence","step":"leaves","epochs":[{"epoch":1,"size":1,"signed":1}],"position":0,"leaf":2,"count":0}'),
             ('{"format":"evidence","step":"leaves","epochs":[{"epoch":1,"size":1,"signed":1}],"position":0,"leaf":-1,"count":0}'),
             ('{"format":"evidence"}'),
             ('{"step":"leaves","position":0,"leaf":0,"count":0,"epochs":[{"epoch":1,"size":"x"}]}'),
             ('{"step":"leaves","position":0,"leaf":"x","count":0,"epochs":[{"epoch":1,"size":1}]}'),
             ('{"step":"leaves","position":0,"leaf":0,"count":0,"epochs":[{"epoch":1,"size":1,"cuts":7}]}'),
             ('{"step":"header","position":0,"leaf":0,"count":0,"epochs":7}')) AS s (state);
RESET SESSION AUTHORIZATION;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'writing_key') \gset
SELECT is(pg_temp.answer('audit.begin_evidence(NULL, NULL)'), 'RF006|the API key has not the scope read', 'a key that may only write gets none');
SELECT set_config('app.scopes', '', true), set_config('app.proof', '', true) \gset
SELECT is(pg_temp.answer('audit.begin_evidence(NULL, NULL)'), 'RF001|no tenant is proven for this statement', 'nor does a name alone');
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM pg_temp.new_events()', 'none of this is on record');

SELECT * FROM finish();
ROLLBACK;
