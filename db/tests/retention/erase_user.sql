-- Proves: the erasure of a person empties user_id, error and context of each sealed record that has them as user or approver, takes the salt and keeps the
-- digest, so that every leaf can still be made; it changes no other record, passes over what is held or not sealed, goes on from call to call,
-- empties released holds that name the person, and names its request and nobody in what it records.

BEGIN;
SELECT plan(57);
\ir ../support/kept.sql
\ir ../support/trees.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
-- 1 and 2 are jane's, 3 is approved by her; 4 names her elsewhere, 5 names another; 6 is jane's and held.
SELECT count(pg_temp.kept(t.tenant, k.n, 'LIVE', timestamptz '2026-01-01 00:00:00+00' + k.n * interval '1 second', k.user_id, k.context))
FROM (VALUES ('tap-a'), ('tap-b')) AS t (tenant)
CROSS JOIN (VALUES (1, 'jane', NULL), (2, 'jane', '{"approver": "joe"}'), (3, 'joe', '{"event": "approval", "approver": "jane"}'),
                   (4, 'joe', '{"event": "jane"}'), (5, 'jane2', '{"approver": "janet"}'), (6, 'jane', NULL)) AS k (n, user_id, context) \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.kept('tap-a', 7, 'LIVE', '2026-01-02 00:00:00+00', 'jane') \gset
SELECT audit.place_hold('tap-a', 'reason', 'case', p_agent_id => 'agent-6') AS hold \gset
SELECT audit.place_hold('tap-a', 'jane did it', 'case 1', p_user_id => 'jane') AS released, audit.place_hold('tap-a', 'jane again', 'case 2', p_user_id => 'jane') AS placed,
       audit.place_hold('tap-a', 'joe did it', 'case 3', p_user_id => 'joe') AS other, audit.place_hold('tap-b', 'of another', 'case 4', p_user_id => 'jane') AS of_b \gset
SELECT audit.release_hold(:'released', 'jane did not'), audit.release_hold(:'other', 'joe did not'), audit.release_hold(:'of_b', 'nor there') \gset
CREATE TEMPORARY TABLE log_before AS SELECT * FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%';
CREATE TEMPORARY TABLE seal_before AS SELECT * FROM audit.seals WHERE tenant_id LIKE 'tap-%';
SELECT count(*) FROM pg_temp.new_events() \gset
CREATE FUNCTION pg_temp.erase(p_user text, p_more text DEFAULT '') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_eraser(format('concat_ws('' '', ''erased'', e.erased, ''held'', e.held, ''unsealed'', e.unsealed, ''after'', e.after_time AT TIME ZONE ''UTC'') '
                                       'FROM audit.erase_user(''tap-a'', %L, ''request 7''%s) AS e', p_user, p_more))
$$;
-- Which numbers of a tenant's records have nothing personal.
CREATE FUNCTION pg_temp.empty_ones(p_tenant text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(n::text, ' ' ORDER BY n), 'none') FROM generate_series(1, 9) AS n
    JOIN audit.audit_logs AS l ON l.id = pg_temp.id_of(p_tenant, n) AND l.tenant_id = p_tenant AND num_nonnulls(l.user_id, l.error, l.context) = 0
$$;

SELECT is(pg_temp.erase('jane'), 'erased 0 held 5 unsealed 0 after', 'a hold on her keeps what names her as user or approver, and nothing is erased');
SELECT is(pg_temp.empty_ones('tap-a'), 'none', 'no record is touched');
SELECT is_empty('SELECT act FROM pg_temp.new_events()', 'nor is anything on record');
SELECT results_eq(format('SELECT user_id, reason, release_reason FROM audit.legal_holds WHERE id = %L', :'released'), $$VALUES ('jane', 'jane did it', 'jane did not')$$,
    'and the hold that was released still names her, while another holds');
SELECT audit.release_hold(:'placed', 'over') \gset
SELECT count(*) FROM pg_temp.new_events() \gset
SELECT is(pg_temp.erase('jane'), 'erased 3 held 1 unsealed 1 after', 'released, hers are erased, but what another condition holds and what is not sealed');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');
SELECT is(pg_temp.empty_ones('tap-a'), '1 2 3', 'as user and as approver');
SELECT is(pg_temp.empty_ones('tap-b'), 'none', 'in this tenant alone');
SELECT results_eq(
    $$SELECT l.id, l.trace_id, l.agent_id, l.mode, l.status, l.created_at, l.recorded_at, l.recorded_xid FROM audit.audit_logs AS l WHERE l.tenant_id LIKE 'tap-%' ORDER BY l.id$$,
    $$SELECT l.id, l.trace_id, l.agent_id, l.mode, l.status, l.created_at, l.recorded_at, l.recorded_xid FROM log_before AS l ORDER BY l.id$$, 'all else of every record is as it was');
SELECT is((SELECT count(*) FROM audit.audit_logs AS l JOIN log_before AS b USING (id) WHERE l::text = b::text), 10::bigint, 'and all of ten records');

-- The leaves.
SELECT is(pg_temp.leaves_of('tap-a'), 'EEERRRS', 'each leaf has lost its salt, and a statement follows');
SELECT is((SELECT count(*) FROM audit.seals AS s JOIN seal_before AS b USING (tenant_id, epoch, leaf_index, leaf_hash, record_id)), 12::bigint, 'every leaf has its hash and its record');
SELECT is((SELECT bool_and(s.private_sha256 = sha256(convert_to(audit.private_leaf_line(ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status,
              l.latency_ms, l.user_id, l.error, l.created_at, l.recorded_at, l.api_key_id, l.context::text)::audit.listed_audit_log, b.salt), 'UTF8')))
           FROM audit.seals AS s JOIN seal_before AS b USING (tenant_id, epoch, leaf_index) JOIN log_before AS l ON l.id = s.record_id WHERE s.salt IS NULL), true,
    'the digest that is kept is that of the private line as it was');
SELECT is((SELECT count(*) FROM audit.seals AS s WHERE s.tenant_id LIKE 'tap-%' AND s.private_sha256 IS NOT NULL), 3::bigint, 'and no other leaf has one');
CREATE FUNCTION pg_temp.leaf_of(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_leaf text;
BEGIN
    PERFORM set_config('session_authorization', 'tap_gateway', true), audit.set_tenant('tap-a');
    v_leaf := audit.get_leaf(md5('tap-a' || n)::uuid);
    RESET SESSION AUTHORIZATION;
    PERFORM set_config('app.tenant_id', '', true);
    RETURN v_leaf;
END
$$;
SELECT is(s.leaf_hash, sha256('\x00'::bytea || convert_to(split_part(pg_temp.leaf_of(n), E'\n', 1), 'UTF8')), format('leaf %s is still the hash of its line', n - 1))
FROM generate_series(1, 4) AS n JOIN audit.seals AS s ON s.record_id = pg_temp.id_of('tap-a', n) ORDER BY n;
SELECT line, line::json ->> 'at' AS at FROM audit.seals WHERE tenant_id = 'tap-a' AND leaf_index = 6 \gset
SELECT is(:'line'::text, format('{"version":1,"kind":"erase","tenant_id":"tap-a","epoch":1,"leaves":[[0,3]],"at":"%s"}', :'at'), 'the statement names leaves, and no person');
SELECT results_eq($$SELECT size, root FROM audit.trees WHERE tenant_id = 'tap-a'$$, format('VALUES (7::bigint, %L::bytea)', pg_temp.mth(pg_temp.leaf_hashes('tap-a', 1, 7))), 'the tree has grown by it');
SELECT results_eq('SELECT act, tenant_id, api_key_id, actor, detail::text FROM pg_temp.new_events()',
    $$VALUES ('person erased', 'tap-a', NULL, 'tap_eraser', '{"count": 3, "reference": "request 7", "ended_keys": 0, "released_holds": 0}')$$, 'the event says how many records, for which request, by which login, and not of whom');

-- The rest, once it may go; then the holds.
SELECT results_eq(format('SELECT user_id FROM audit.legal_holds WHERE id = %L', :'released'), $$VALUES ('jane')$$, 'while something is held the released holds name her');
SELECT pg_temp.seal() \gset
SELECT is(pg_temp.erase('jane'), 'erased 1 held 1 unsealed 0 after', 'what is sealed by then is erased');
SELECT audit.release_hold(:'hold', 'over') \gset
SELECT is(pg_temp.erase('jane'), 'erased 1 held 0 unsealed 0 after', 'and what was held');
SELECT is(pg_temp.empty_ones('tap-a'), '1 2 3 6 7', 'nothing of hers is left');
SELECT results_eq('SELECT reference, user_id, reason, release_reason FROM audit.legal_holds WHERE tenant_id LIKE ''tap-%'' AND reference LIKE ''case _'' ORDER BY reference',
    $$VALUES ('case 1', NULL, 'erased', 'erased'), ('case 2', NULL, 'erased', 'erased'), ('case 3', 'joe', 'joe did it', 'joe did not'),
             ('case 4', 'jane', 'of another', 'nor there')$$, 'released holds that named her are emptied, in this tenant, and no others');
SELECT is(pg_temp.erase('jane'), 'erased 0 held 0 unsealed 0 after', 'again, nothing is found');
SELECT is(pg_temp.leaves_of('tap-a'), 'EEERRESESS', 'and nothing is stated');
SELECT is(pg_temp.erase('nobody'), 'erased 0 held 0 unsealed 0 after', 'nor of somebody who never was');

-- Call by call: each reads so many records, and the next goes on after them.
SELECT audit.create_tenant('tap-c') \gset
SELECT pg_temp.kept('tap-c', 1, 'LIVE', '2026-01-01 00:00:00+00', 'jane'), pg_temp.kept_many('tap-c', 1, 5000, 'LIVE', '2026-01-02 00:00:00+00'),
       pg_temp.kept('tap-c', 2, 'LIVE', '2026-01-03 00:00:00+00', 'jane') \gset
SELECT pg_temp.seal() \gset
CREATE FUNCTION pg_temp.read(p_after_time timestamptz, p_after_id uuid, p_limit int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_keeper('tap-c', format('concat_ws('' '', cardinality(r.p_ids), r.p_time AT TIME ZONE ''UTC'', r.p_id) FROM audit.records_of_user(''tap-c'', ''jane'', %L, %L, %s) AS r',
                                             p_after_time, p_after_id, p_limit))
$$;
SELECT is(pg_temp.read('-infinity', '00000000-0000-0000-0000-000000000000', 2), '1 2026-01-02 00:00:01 00000000-0000-0000-0000-000000000001', 'a page of records, and those of the person in it');
SELECT is(pg_temp.read('2026-01-02 00:00:01+00', '00000000-0000-0000-0000-000000000001', 2), '0 2026-01-02 00:00:03 00000000-0000-0000-0000-000000000003', 'the next one may have none');
SELECT is(pg_temp.read('2026-01-02 01:23:20+00', '00000000-0000-0000-0000-000000001388', 2), '1', 'the last one has no position');
SELECT is(pg_temp.read('2026-01-02 01:23:19+00', '00000000-0000-0000-0000-000000001387', 2), '1 2026-01-03 00:00:00 ' || pg_temp.id_of('tap-c', 2), 'one that is full may not be the last');
SELECT audit.create_tenant('tap-d') \gset
SELECT count(pg_temp.kept('tap-d', n, 'LIVE', '2026-01-01 00:00:00+00', 'jane')) FROM generate_series(1, 3) AS n \gset
SELECT is(pg_temp.as_keeper('tap-d', format('cardinality(r.p_ids) FROM audit.records_of_user(''tap-d'', ''jane'', ''2026-01-01 00:00:00+00'', %L, 9) AS r',
    (SELECT min(l.id::text) FROM audit.audit_logs AS l WHERE l.tenant_id = 'tap-d'))), '2', 'records of one time are gone through by their ids');
CREATE FUNCTION pg_temp.in_calls() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_part  record;
    v_parts text := '';
BEGIN
    PERFORM set_config('session_authorization', 'tap_eraser', true);
    SELECT NULL::timestamptz AS after_time, NULL::uuid AS after_id INTO v_part;
    FOR n IN 1 .. 9 LOOP
        v_part := audit.erase_user('tap-c', 'jane', 'request 7', 1, v_part.after_time, v_part.after_id);
        v_parts := v_parts || v_part.erased || CASE WHEN v_part.after_id IS NULL THEN '.' ELSE '+' END;
        EXIT WHEN v_part.after_id IS NULL;
    END LOOP;
    RESET SESSION AUTHORIZATION;
    RETURN v_parts;
END
$$;
SELECT is(pg_temp.in_calls(), '1+1.', 'calls that are short of time go on where the one before has stopped');
SELECT is(pg_temp.empty_ones('tap-c'), '1 2', 'and erase all');

-- A record that was changed: erased, that could never be told.
SELECT pg_temp.kept('tap-b', 8, 'LIVE', '2026-01-03 00:00:00+00', 'max'), pg_temp.seal() \gset
UPDATE audit.audit_logs SET agent_id = 'other' WHERE id = pg_temp.id_of('tap-b', 8);
SELECT is(pg_temp.as_eraser('erased FROM audit.erase_user(''tap-b'', ''max'', ''request 8'')'), 'RF009 the tree contradicts itself', 'a record that was changed is not erased');
UPDATE audit.audit_logs SET agent_id = 'agent-8', error = 'other' WHERE id = pg_temp.id_of('tap-b', 8);
SELECT is(pg_temp.as_eraser('erased FROM audit.erase_user(''tap-b'', ''max'', ''request 8'')'), 'RF009 the tree contradicts itself', 'nor one that was changed in what would be erased');
UPDATE audit.audit_logs SET error = 'error of 8' WHERE id = pg_temp.id_of('tap-b', 8);
SELECT is(pg_temp.as_eraser('erased FROM audit.erase_user(''tap-b'', ''max'', ''request 8'')'), '1', 'as it was, it is');
SELECT is(pg_temp.as_eraser(call), answer, 'refused: ' || call)
FROM (VALUES ('audit.erase_user(''tap-a'', NULL, ''request'')', 'RF003 a person is named'), ('audit.erase_user(''tap-a'', '''', ''request'')', 'RF003 a person is named'),
             ('audit.erase_user(''tap-nobody'', ''jane'', ''request'')', 'RF002 the tenant is not registered')) AS c (call, answer);
SELECT is(pg_temp.as_eraser(format('erased FROM audit.erase_user(''tap-a'', ''nobody'', %L)', reference)), answer, 'a reference of ' || coalesce(length(reference)::text, 'no') || ' characters')
FROM (VALUES (NULL, 'RF003 an erasure has a reference of 1 to 200 characters'), ('', 'RF003 an erasure has a reference of 1 to 200 characters'),
             (repeat('x', 201), 'RF003 an erasure has a reference of 1 to 200 characters'), (repeat(E'\x01', 200), '0'), ('x', '0')) AS c (reference, answer);
SELECT is(pg_temp.as_eraser(format('erased FROM audit.erase_user(''tap-a'', %L, %L)', user_id, reference)), answer, format('the reference %s for %s', reference, user_id))
FROM (VALUES ('nobody', 'of nobody''s', 'RF003 a reference does not name the person, since it stays'), ('nobody', 'NoBody', 'RF003 a reference does not name the person, since it stays'),
             ('NOBODY', 'request of nobody', 'RF003 a reference does not name the person, since it stays'), ('nobody', 'no body', '0'), ('nobody', 'nobod', '0')) AS c (user_id, reference, answer);
SET LOCAL synchronous_commit = off;
SELECT pg_temp.erase('nobody') \gset
SELECT is(current_setting('synchronous_commit'), 'on', 'it is on the disk when its transaction has committed');
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT * FROM audit.erase_user(''tap-a'', ''joe'', ''request'')', login), '42501',
    'permission denied for function erase_user', login || ' erases nobody') FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_registrar'), ('tap_retention')) AS l (login);

SELECT * FROM finish();
ROLLBACK;
