-- Proves: what is due, to the microsecond: a record older than the term of its mode, counted in days of 24 hours in every time zone; what of it would go
-- and what is held or not sealed; and that the dry run counts what a prune then deletes, for the job alone.

BEGIN;
SELECT plan(35);
\ir ../support/registrar.sql
\ir ../support/kept.sql
\ir ../support/gateway.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c') \gset
SELECT audit.set_retention('tap-a', 200, 30) \gset
CREATE FUNCTION pg_temp.dry_run() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_answer text;
BEGIN
    PERFORM set_config('session_authorization', 'tap_retention', true);
    SELECT string_agg(format('%s %s: %s due, %s held, %s unsealed', d.tenant_id, coalesce(d.mode, '-'), d.due, d.held, d.unsealed), ', '
                      ORDER BY d.tenant_id, d.mode) INTO v_answer FROM audit.count_due_records() AS d;
    RESET SESSION AUTHORIZATION;
    RETURN coalesce(v_answer, 'nothing');
END
$$;

-- A microsecond before the end of each term, at it, and after it; neighbours in another tenant without terms.
SELECT count(pg_temp.kept(t.tenant, m.number + a.number, m.mode, now() - m.days * interval '24 hours' - a.age * interval '1 microsecond'))
FROM (VALUES ('tap-a'), ('tap-b')) AS t (tenant)
CROSS JOIN (VALUES (10, 'DRY_RUN', 30), (20, 'LIVE', 200), (30, NULL, 200)) AS m (number, mode, days)
CROSS JOIN (VALUES (1, -1), (2, 0), (3, 1)) AS a (number, age) \gset
SELECT is(pg_temp.dry_run(), 'tap-a DRY_RUN: 0 due, 0 held, 1 unsealed, tap-a LIVE: 0 due, 0 held, 1 unsealed, tap-a -: 0 due, 0 held, 1 unsealed',
    'of each mode the record that is older than its term is due, and none may go before it is sealed');
SELECT pg_temp.seal() \gset
SELECT is(pg_temp.dry_run(), 'tap-a DRY_RUN: 1 due, 0 held, 0 unsealed, tap-a LIVE: 1 due, 0 held, 0 unsealed, tap-a -: 1 due, 0 held, 0 unsealed',
    'sealed, each would go; and nothing of a tenant without terms');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');
SELECT audit.set_retention('tap-b', NULL, 30) \gset
SELECT is(pg_temp.dry_run(), 'tap-a DRY_RUN: 1 due, 0 held, 0 unsealed, tap-a LIVE: 1 due, 0 held, 0 unsealed, tap-a -: 1 due, 0 held, 0 unsealed, '
    'tap-b DRY_RUN: 1 due, 0 held, 0 unsealed', 'each term is of its mode');
SELECT audit.set_retention('tap-b', 200, NULL) \gset
SELECT matches(pg_temp.dry_run(), 'tap-b LIVE: 1 due, 0 held, 0 unsealed, tap-b -: 1 due, 0 held, 0 unsealed$', 'and of LIVE and none together');
DELETE FROM audit.retention WHERE tenant_id = 'tap-b';

-- In a zone whose summer time began or ended within the term its days have an hour more or less. The neighbours are half an hour from the end.
SELECT pg_temp.kept('tap-a', 27, 'LIVE', now() - interval '4799.5 hours'), pg_temp.kept('tap-a', 28, 'LIVE', now() - interval '4800.5 hours') \gset
PREPARE in_zone (boolean) AS SELECT pg_temp.zone(200, $1) IS NOT NULL AND pg_temp.dry_run() LIKE '%tap-a LIVE: 1 due, 0 held, 1 unsealed%' AS is_same,
    pg_temp.as_keeper('tap-a', 'audit.has_due_records(''tap-a'', 200, NULL)') AS is_due;
SELECT results_eq('EXECUTE in_zone (true)', $$VALUES (true, 'true')$$, 'the same where summer time has begun since');
SELECT results_eq('EXECUTE in_zone (false)', $$VALUES (true, 'true')$$, 'and where it has ended');
DELETE FROM audit.audit_logs WHERE id IN (pg_temp.id_of('tap-a', 27), pg_temp.id_of('tap-a', 28));
SET LOCAL timezone = 'UTC';

-- From when to when; a hold.
SELECT pg_temp.kept('tap-a', 24, 'LIVE', now() - interval '5000 hours'), pg_temp.kept('tap-a', 25, 'LIVE', '2001-02-03 04:05:06.000007+00') \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.kept('tap-a', 26, 'LIVE', '2000-01-01 00:00:00+00') \gset
SELECT audit.place_hold('tap-a', 'reason', 'case', p_agent_id => 'agent-4') AS hold \gset
PREPARE live AS SELECT d.due, d.first_created_at, d.last_created_at, d.held, d.unsealed FROM audit.count_due_records() AS d WHERE d.mode = 'LIVE';
SET LOCAL SESSION AUTHORIZATION tap_retention;
SELECT results_eq('EXECUTE live',
    format('VALUES (2::bigint, timestamptz %L, timestamptz %L, 1::bigint, 1::bigint)', '2001-02-03 04:05:06.000007+00', now() - interval '4800 hours 1 microsecond'),
    'it says from when to when, what is held and what is not sealed');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-a'), 12::bigint, 'and deletes nothing');

-- The question before a tenant is locked.
CREATE FUNCTION pg_temp.asked(p_tenant text, p_live int, p_dry_run int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_keeper(p_tenant, format('audit.has_due_records(%L, %L, %L)', p_tenant, p_live, p_dry_run))
$$;
SELECT is(pg_temp.asked('tap-c', 1, 1), 'false', 'a tenant without records has none that is due');
SELECT pg_temp.kept('tap-c', 1, 'DRY_RUN', now() - 50 * interval '24 hours') \gset
SELECT is(pg_temp.asked('tap-c', live, dry_run), due, format('a DRY_RUN record of 50 days, terms of %s and %s', coalesce(live::text, 'ever'), coalesce(dry_run::text, 'ever')))
FROM (VALUES (NULL, 50, 'false'), (1, 50, 'false'), (1, NULL, 'false'), (NULL, 49, 'true')) AS c (live, dry_run, due);
DELETE FROM audit.audit_logs WHERE tenant_id = 'tap-c';
SELECT pg_temp.kept('tap-c', 2, 'LIVE', now() - 50 * interval '24 hours') \gset
SELECT is(pg_temp.asked('tap-c', live, dry_run), due, format('a LIVE record of 50 days, terms of %s and %s', coalesce(live::text, 'ever'), coalesce(dry_run::text, 'ever')))
FROM (VALUES (50, NULL, 'false'), (50, 1, 'false'), (NULL, 1, 'false'), (49, NULL, 'true')) AS c (live, dry_run, due);
DELETE FROM audit.audit_logs WHERE tenant_id = 'tap-c';
SELECT pg_temp.kept('tap-c', 3, NULL, now() - 50 * interval '24 hours') \gset
SELECT is(pg_temp.asked('tap-c', live, dry_run), due, format('a record without a mode of 50 days, terms of %s and %s', coalesce(live::text, 'ever'), coalesce(dry_run::text, 'ever')))
FROM (VALUES (50, NULL, 'false'), (50, 1, 'false'), (NULL, 1, 'false'), (49, NULL, 'true')) AS c (live, dry_run, due);

-- One batch of them: what the next ones are, in the order of time and id, and which of them may go.
CREATE FUNCTION pg_temp.batch(p_mode text, p_before timestamptz, p_after_time timestamptz, p_after_id uuid, p_limit int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_keeper('tap-a', format(
        $q$concat_ws(' ', 'seen', d.p_seen, 'to', (
               SELECT n FROM generate_series(1, 40) AS n JOIN audit.audit_logs AS l ON l.id = md5('tap-a' || n)::uuid WHERE l.id = d.p_id AND l.created_at = d.p_time),
               'held', d.p_held, 'unsealed', d.p_unsealed, 'leaves',
           (SELECT string_agg(leaf::text, '+' ORDER BY leaf) FROM unnest(d.p_leaves) AS leaf), 'ids', cardinality(d.p_ids), 'epochs', d.p_epochs,
               (SELECT string_agg(CASE WHEN l.created_at = t.created_at THEN 'true' ELSE 'other' END, ' ') FROM unnest(d.p_ids, d.p_times) AS t (id, created_at) JOIN audit.audit_logs AS l USING (id)))
           FROM audit.due_batch('tap-a', %L, %L, %L, %L, %L) AS d$q$, p_mode, p_before, p_after_time, p_after_id, p_limit))
$$;
\set start '-infinity'
\set zero '00000000-0000-0000-0000-000000000000'
SELECT is(pg_temp.batch('LIVE', now(), '2001-02-03 04:05:06.000008+00', :'zero', 2), 'seen 2 to 23 held 1 unsealed 0 leaves 5 ids 1 epochs {1} true', 'two of LIVE from a time on, one of them held');
SELECT is(pg_temp.batch('LIVE', now(), now() - interval '4800 hours 1 microsecond', pg_temp.id_of('tap-a', 23), 9), 'seen 2 to 21 held 0 unsealed 0 leaves 3+4 ids 2 epochs {1,1} true true', 'those after the position, which is not one of them');
SELECT is(pg_temp.batch('LIVE', now() - interval '4800 hours', now() - interval '4800 hours 1 microsecond', :'zero', 9), 'seen 1 to 23 held 0 unsealed 0 leaves 5 ids 1 epochs {1} true', 'a position is a time and an id; what is as old as the term is not due');
SELECT is(pg_temp.batch('LIVE', '2001-01-01 00:00:00+00', :'start', :'zero', 9), 'seen 1 to 26 held 0 unsealed 1 leaves ids epochs', 'of what is not sealed nothing may go');
SELECT is(pg_temp.batch('', now(), :'start', :'zero', 1), 'seen 1 to 33 held 0 unsealed 0 leaves 8 ids 1 epochs {1} true', 'the oldest without a mode');
SELECT is(pg_temp.batch('DRY_RUN', now() - interval '720 hours', :'start', :'zero', 9), 'seen 1 to 13 held 0 unsealed 0 leaves 2 ids 1 epochs {1} true', 'and of DRY_RUN');
SELECT is(pg_temp.batch('DRY_RUN', '2001-01-01 00:00:00+00', :'start', :'zero', 9), 'seen 0 to held 0 unsealed 0 leaves ids epochs', 'or none');

-- Records of one time go on by their ids.
DELETE FROM audit.audit_logs WHERE tenant_id = 'tap-c';
SELECT count(pg_temp.kept('tap-c', n, 'LIVE', '2020-01-01 00:00:00+00')) FROM generate_series(1, 5) AS n \gset
CREATE FUNCTION pg_temp.pages_of_two() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_batch record;
    v_ids   uuid[] := '{}';
    v_seen  text := '';
BEGIN
    PERFORM audit.enter_tenant_to_keep('tap-c');
    SELECT '-infinity'::timestamptz AS p_time, '00000000-0000-0000-0000-000000000000'::uuid AS p_id INTO v_batch;
    FOR n IN 1 .. 9 LOOP
        v_batch := audit.due_batch('tap-c', 'LIVE', now(), v_batch.p_time, v_batch.p_id, 2);
        v_seen := v_seen || v_batch.p_seen;
        EXIT WHEN v_batch.p_seen = 0;
    END LOOP;
    PERFORM audit.leave_tenant();
    RETURN v_seen;
END
$$;
SELECT is(pg_temp.pages_of_two(), '2210', 'records of one time are gone through by their ids');

SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT * FROM audit.count_due_records()', login), '42501',
    'permission denied for function count_due_records', login || ' is told nothing of it')
FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_registrar')) AS l (login);
SELECT is(pg_temp.as_retention(call), '42501 permission denied for function ' || function, 'the job calls no part of it: ' || function)
FROM (VALUES ('has_due_records', 'audit.has_due_records(''tap-a'', 1, 1)'),
             ('due_batch', 'audit.due_batch(''tap-a'', ''LIVE'', now(), now(), gen_random_uuid(), 1)')) AS c (function, call);

SELECT * FROM finish();
ROLLBACK;
