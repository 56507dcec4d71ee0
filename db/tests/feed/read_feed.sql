-- Proves: a tenant reads the leaves of its own trees in their order, by name and by key, each once, however small the parts; an answer ends with
-- the position to go on after; records that were pruned have no line; and what is refused.

BEGIN;
SELECT plan(92);

\ir ../support/gateway.sql
\ir ../support/signer.sql
\ir ../support/sealed.sql
\ir ../support/refusal.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-new') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS writing_key,
       audit.issue_api_key('tap-new', 'tap') AS key_of_new \gset
\set id_1 '''01900000-0000-7000-8000-000000000001'''
\set id_2 '''01900000-0000-7000-8000-000000000002'''
\set id_3 '''01900000-0000-7000-8000-000000000003'''
\set id_of_b '''01900000-0000-7000-8000-00000000000b'''

-- Three records, of which the second was written with an older time; one of another tenant; a statement; and a record that is not sealed.
SELECT pg_temp.record('tap-a', :id_1), pg_temp.record('tap-a', :id_2, '2025-01-01 00:00:00.000001+00'), pg_temp.record('tap-a', :id_3),
       pg_temp.record('tap-b', :id_of_b) \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.sign('tap-a') AS note, pg_temp.sign('tap-b') AS note_of_b \gset
INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line) VALUES ('tap-a', 1, 3, sha256('statement'), '{"kind":"prune"}');
UPDATE audit.trees SET size = 4 WHERE tenant_id = 'tap-a';
SELECT pg_temp.record('tap-a', '01900000-0000-7000-8000-000000000004') \gset
SELECT array_agg(encode(leaf_hash, 'hex') ORDER BY leaf_index) AS hashes FROM audit.seals WHERE tenant_id = 'tap-a' \gset
SELECT concat('1.4.', left((:'hashes'::text[])[4], 16)) AS end_of_a, concat('1.1.', left((:'hashes'::text[])[1], 16)) AS after_1 \gset

CREATE FUNCTION pg_temp.line(p_hashes text[], p_leaf int, p_members text) RETURNS text LANGUAGE sql AS $$
    SELECT format(E'{"epoch":1,"leaf_index":%s,"leaf_hash":"%s",%s}\n', p_leaf, p_hashes[p_leaf + 1], p_members)
$$;
CREATE FUNCTION pg_temp.members(p_id text, p_created_at text) RETURNS text LANGUAGE sql AS $$
    SELECT format('"id":"%s","trace_id":"trace","tenant_id":"tap-a","agent_id":"agent","mode":"LIVE","status":"error","http_status":500,"latency_ms":12,'
        '"user_id":"jane \"J\" doe","error":"line\nbreak","created_at":"%s","recorded_at":"2026-01-02T03:04:05.000006Z",'
        '"api_key_id":"0123456789abcdef","context":{"event": "é"}', p_id, p_created_at)
$$;
CREATE FUNCTION pg_temp.last_line(p_position text, p_count int, p_note text, p_has_more text DEFAULT 'false') RETURNS text LANGUAGE sql AS $$
    SELECT format(E'{"position":"%s","count":%s,"has_more":%s,"checkpoint":%s}\n', p_position, p_count, p_has_more, coalesce(to_json(p_note)::text, 'null'))
$$;
-- The ids and statements of an answer, and its last line without position and checkpoint.
CREATE FUNCTION pg_temp.told(p_answer text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(right(t.line::json ->> 'id', 1), t.line::json #>> '{statement,kind}',
               concat_ws(' ', '|', t.line::json ->> 'count', t.line::json ->> 'has_more')), ' ' ORDER BY t.number)
    FROM regexp_split_to_table(rtrim(p_answer, E'\n'), E'\n') WITH ORDINALITY AS t (line, number)
$$;
-- All parts of p_limit leaves, one after the other.
CREATE FUNCTION pg_temp.parts(p_limit int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_answer text;
    v_told   text;
BEGIN
    FOR v_part IN 1..20 LOOP
        v_answer := audit.read_feed(substring(v_answer FROM '"position":"([^"]*)","count"'), p_limit);
        v_told := concat_ws(' ', v_told, pg_temp.told(v_answer));
        EXIT WHEN v_answer LIKE '%"has_more":false%';
    END LOOP;
    RETURN v_told;
END
$$;
CREATE FUNCTION pg_temp.answer(p_expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_answer text; BEGIN EXECUTE 'SELECT ' || p_expression INTO v_answer; RETURN v_answer; END $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;

CREATE TEMPORARY TABLE call (number int GENERATED ALWAYS AS IDENTITY, expression text, answer text, said text);
GRANT SELECT ON call TO tap_gateway, audit_app;
INSERT INTO call (expression, answer, said) VALUES
    ('audit.read_feed()', concat(
        pg_temp.line(:'hashes', 0, pg_temp.members(:id_1, '2026-01-01T00:00:00.000000Z')), pg_temp.line(:'hashes', 1, pg_temp.members(:id_2, '2025-01-01T00:00:00.000001Z')),
        pg_temp.line(:'hashes', 2, pg_temp.members(:id_3, '2026-01-01T00:00:00.000000Z')), pg_temp.line(:'hashes', 3, '"statement":{"kind":"prune"}'),
        pg_temp.last_line(:'end_of_a', 4, :'note')), 'a line for each leaf, and a last one'),
    (format('audit.read_feed(%L)', :'end_of_a'), pg_temp.last_line(:'end_of_a', 0, :'note'), 'after the end there is the last line alone'),
    (format('audit.read_feed(%L, 1)', :'after_1'), pg_temp.line(:'hashes', 1, pg_temp.members(:id_2, '2025-01-01T00:00:00.000001Z'))
        || pg_temp.last_line(concat('1.2.', left((:'hashes'::text[])[2], 16)), 1, :'note', 'true'), 'one line after the first'),
    ('pg_temp.parts(1)', '1 | 1 true 2 | 1 true 3 | 1 true prune | 1 true | 0 false', 'one by one'),
    ('pg_temp.parts(3)', '1 2 3 | 3 true prune | 1 false', 'three by three'),
    ('pg_temp.parts(10000)', '1 2 3 prune | 4 false', 'all at once'),
    ('pg_temp.told(audit.read_feed(''1.0''))', '1 2 3 prune | 4 false', 'after the beginning'),
    ('pg_temp.told(audit.read_feed(''1.3''))', 'prune | 1 false', 'a position is good without a hash'),
    ('(SELECT string_agg(l.line::json ->> ''class_uid'', '' '') FROM regexp_split_to_table(rtrim(audit.read_feed(NULL, 1000, ''ocsf''), E''\n''), E''\n'') AS l (line))',
        '6003 6003 6003', 'OCSF has an event for each record, and none for a statement'),
    (format('audit.read_feed(%L, 1, ''ocsf'')', :'after_1'), (SELECT audit.ocsf_event(ROW(r.id, r.trace_id, r.tenant_id, r.agent_id, r.mode, r.status, r.http_status,
            r.latency_ms, r.user_id, r.error, r.created_at, r.recorded_at, r.api_key_id, r.context::text)::audit.listed_audit_log, 1, 1, s.leaf_hash)
        FROM audit.audit_logs AS r JOIN audit.seals AS s ON s.record_id = r.id WHERE r.id = :id_2) || E'\n'
        || pg_temp.last_line(concat('1.2.', left((:'hashes'::text[])[2], 16)), 1, :'note', 'true'), 'the event of audit.ocsf_event()'),
    (format('audit.read_feed(%L, 1, ''cloudevents'')', :'after_1'), (SELECT audit.cloud_event(ROW(r.id, r.trace_id, r.tenant_id, r.agent_id, r.mode, r.status, r.http_status,
            r.latency_ms, r.user_id, r.error, r.created_at, r.recorded_at, r.api_key_id, r.context::text)::audit.listed_audit_log, 1, 1, s.leaf_hash)
        FROM audit.audit_logs AS r JOIN audit.seals AS s ON s.record_id = r.id WHERE r.id = :id_2) || E'\n'
        || pg_temp.last_line(concat('1.2.', left((:'hashes'::text[])[2], 16)), 1, :'note', 'true'), 'the event of audit.cloud_event()'),
    ('pg_temp.refusal(''SELECT audit.read_feed(p_limit => 0)'')', 'RF003|limit is a number from 1 to 10000|limit', 'no lines'),
    ('pg_temp.refusal(''SELECT audit.read_feed(p_limit => 10001)'')', 'RF003|limit is a number from 1 to 10000|limit', 'too many lines'),
    ('pg_temp.refusal(''SELECT audit.read_feed(p_limit => NULL)'')', 'RF003|limit is a number from 1 to 10000|limit', 'no limit'),
    ('pg_temp.refusal(''SELECT audit.read_feed(p_format => NULL)'')', 'RF003|format is ringfence, ocsf or cloudevents|format', 'no format'),
    ('pg_temp.refusal(''SELECT audit.read_feed(p_format => $$csv$$)'')', 'RF003|format is ringfence, ocsf or cloudevents|format', 'another format');
INSERT INTO call (expression, answer, said)
SELECT format('pg_temp.refusal(%L)', format('SELECT audit.read_feed(%L)', after)), 'RF003|after is the position that an answer of the feed ends with|after', 'no position: ' || after
FROM (VALUES (''), ('1'), ('1.'), ('0.1'), ('1.01'), ('1.1.'), ('1.1.abc'), ('1.1.' || repeat('A', 16)), (' 1.1'), ('1.1 '), (E'1.1\n'), ('1.-1'),
             ('9999999999.1'), ('1.1' || repeat('0', 18)), ('1.1.' || repeat('0', 17)), (repeat('1', 100000))) AS p (after);
INSERT INTO call (expression, answer, said) VALUES
    (format('pg_temp.refusal(%L)', 'SELECT audit.read_feed(''1.1.0000000000000000'')'),
        'RF013|the feed has not what was read before this position: the database was restored|1.0|Go on after the position in DETAIL. Records after it come again, those that were lost do not.',
        'another leaf before it, and no checkpoint'),
    (format('pg_temp.refusal(%L)', 'SELECT audit.read_feed(''1.4.0000000000000000'')'),
        'RF013|the feed has not what was read before this position: the database was restored|1.3|Go on after the position in DETAIL. Records after it come again, those that were lost do not.',
        'another leaf before it, after a checkpoint'),
    (format('pg_temp.refusal(%L)', 'SELECT audit.read_feed(''1.5'')'),
        'RF013|the feed has not what was read before this position: the database was restored|1.3|Go on after the position in DETAIL. Records after it come again, those that were lost do not.',
        'beyond the end'),
    (format('pg_temp.refusal(%L)', 'SELECT audit.read_feed(''2.0'')'),
        'RF013|the feed has not what was read before this position: the database was restored|1.3|Go on after the position in DETAIL. Records after it come again, those that were lost do not.',
        'an epoch that has not begun');

SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.answer(expression), answer, 'by name: ' || said) FROM call ORDER BY number;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.answer(expression), answer, 'by key: ' || said) FROM call ORDER BY number;

-- Another tenant, and none.
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT throws_ok('SELECT audit.read_feed()', 'RF001', 'no tenant is proven for this statement', 'a key and the name of another tenant prove nothing');
SELECT throws_ok('SELECT audit.read_proven_feed(NULL, 1, ''ringfence'')', 'RF001', 'no tenant is proven for this statement', 'also past what tells');
SELECT audit.enter_tenant(:'writing_key') \gset
SELECT throws_ok('SELECT audit.read_feed()', 'RF006', 'the API key has not the scope read', 'refused: a key that may only write');
SELECT throws_ok('SELECT audit.read_proven_feed(NULL, 1, ''ringfence'')', 'RF001', NULL, 'also past what tells');
SELECT audit.enter_tenant(:'key_of_new') \gset
SELECT is(audit.read_feed(), pg_temp.last_line('1.0', 0, NULL), 'of a tenant of which nothing is sealed: the beginning');
SELECT is(audit.read_feed('1.0'), pg_temp.last_line('1.0', 0, NULL), 'which can be sent again');
SELECT is(pg_temp.refusal('SELECT audit.read_feed(''1.1'')'),
    'RF013|the feed has not what was read before this position: the database was restored|1.0|Go on after the position in DETAIL. Records after it come again, those that were lost do not.',
    'and nothing else');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.told(audit.read_feed()), 'b | 1 false', 'another tenant reads its own');
SET LOCAL app.tenant_id = 'tap-unknown';
SELECT throws_ok('SELECT audit.read_feed()', 'RF002', 'the tenant is not registered', 'an unregistered name is no empty feed');
SET LOCAL app.tenant_id = '';
SELECT throws_ok('SELECT audit.read_feed()', 'RF001', 'no tenant is set for this transaction', 'nor is none');

-- A second epoch, and a record in it. A tile of which all leaves are gone has none that could be compared.
RESET SESSION AUTHORIZATION;
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES ('tap-a', 2, 2, sha256(''), '', now());
SELECT pg_temp.record('tap-a', '01900000-0000-7000-8000-000000000005') \gset
INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line, record_id, salt) VALUES
    ('tap-a', 2, 0, sha256('epoch'), '{"kind":"epoch"}', NULL, NULL), ('tap-a', 2, 1, sha256('5'), NULL, '01900000-0000-7000-8000-000000000005', sha256('salt'));
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.parts(10000), '1 2 3 prune epoch 5 | 6 false', 'epochs follow one another');
SELECT is(pg_temp.parts(1), '1 | 1 true 2 | 1 true 3 | 1 true prune | 1 true epoch | 1 true 5 | 1 true | 0 false', 'also one by one');
SELECT is(pg_temp.told(audit.read_feed(:'end_of_a')), 'epoch 5 | 2 false', 'who has read the first epoch to its end goes on in the second');
SELECT is(pg_temp.told(audit.read_feed('2.0')), 'epoch 5 | 2 false', 'which has a beginning');
SELECT is(pg_temp.refusal('SELECT audit.read_feed(''1.5'')'),
    'RF013|the feed has not what was read before this position: the database was restored|1.3|Go on after the position in DETAIL. Records after it come again, those that were lost do not.',
    'who has read more of the first than there is does not');

-- Records that are pruned, and leaves that are gone.
RESET SESSION AUTHORIZATION;
DELETE FROM audit.audit_logs WHERE id IN (:id_1, :id_2);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.parts(10000), '3 prune epoch 5 | 4 false', 'a record whose row is gone has no line');
SELECT is(pg_temp.parts(1), '3 | 1 true prune | 1 true epoch | 1 true 5 | 1 true | 0 false', 'and none stands for it');
SELECT is(pg_temp.told(audit.read_feed(:'after_1', 1)), '3 | 1 true', 'its leaf leads on');
RESET SESSION AUTHORIZATION;
DELETE FROM audit.seals WHERE tenant_id = 'tap-a' AND epoch = 1 AND leaf_index < 2;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.parts(10000), '3 prune epoch 5 | 4 false', 'leaves that are gone are passed over');
SELECT is(pg_temp.told(audit.read_feed('1.2.0000000000000000')), '3 prune epoch 5 | 4 false', 'and cannot be compared');

SELECT * FROM finish();
ROLLBACK;
