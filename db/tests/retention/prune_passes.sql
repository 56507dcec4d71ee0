-- Proves: a prune goes over what is due once, batch by batch and mode by mode, from where the call before has stopped; what is held or not sealed is
-- passed over and comes again in the next pass; terms that change in between begin a new one where they must.

BEGIN;
SELECT plan(38);
\ir ../support/kept.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c') \gset
SELECT audit.set_retention('tap-a', 200, 30) \gset
-- Ten of LIVE from the oldest on, the first and the fourth held, the second not sealed; two of DRY_RUN and one without a mode.
SELECT count(pg_temp.kept('tap-a', n, 'LIVE', timestamptz '2020-01-01 00:00:00+00' + n * interval '1 day')) FROM generate_series(1, 10) AS n WHERE n <> 2 \gset
SELECT pg_temp.kept('tap-a', 21, 'DRY_RUN', '2020-01-01 00:00:00+00'), pg_temp.kept('tap-a', 22, 'DRY_RUN', '2020-01-02 00:00:00+00'),
       pg_temp.kept('tap-a', 31, NULL, '2020-01-01 00:00:00+00') \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.kept('tap-a', 2, 'LIVE', '2020-01-03 00:00:00+00') \gset
UPDATE audit.audit_logs SET trace_id = 'held' WHERE id IN (pg_temp.id_of('tap-a', 1), pg_temp.id_of('tap-a', 4));
SELECT audit.place_hold('tap-a', 'reason', 'case', p_trace_id => 'held') AS hold \gset

-- One batch: what it saw and deleted, and where it stands.
CREATE FUNCTION pg_temp.batch(p_mode text, p_limit int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_keeper('tap-a', format(
        $q$concat_ws(' ', 'seen', b.p_seen, 'gone', coalesce(cardinality(b.p_leaves), 0), 'of epochs', b.p_epochs,
                     (SELECT concat_ws(' ', min(t) AT TIME ZONE 'UTC', max(t) AT TIME ZONE 'UTC') FROM unnest(b.p_times) AS t), cardinality(b.p_times))
           FROM audit.prune_batch('tap-a', %L, now(), %s) AS b$q$, p_mode, p_limit))
$$;
CREATE FUNCTION pg_temp.at() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r.pass_mode, n, r.pass_time AT TIME ZONE 'UTC') FROM audit.retention AS r
    LEFT JOIN generate_series(1, 40) AS n ON pg_temp.id_of('tap-a', n) = r.pass_id WHERE r.tenant_id = 'tap-a'
$$;
SELECT is(pg_temp.at(), '', 'no pass is under way');
SELECT is(pg_temp.batch('LIVE', 3), 'seen 3 gone 1 of epochs {1} 2020-01-04 00:00:00 2020-01-04 00:00:00 1', 'the first three: one is held, one not sealed, one goes');
SELECT is(pg_temp.left_of('tap-a'), '1 2 4 5 6 7 8 9 10 21 22 31', 'that one');
SELECT is(pg_temp.at(), 'LIVE 3 2020-01-04 00:00:00', 'the pass stands at the last that it has seen');
SELECT is(pg_temp.batch('LIVE', 1), 'seen 1 gone 0 of epochs ', 'the next is held: nothing goes');
SELECT is(pg_temp.at(), 'LIVE 4 2020-01-05 00:00:00', 'and the pass goes on');
SELECT is(pg_temp.batch('LIVE', 4), 'seen 4 gone 4 of epochs {1,1,1,1} 2020-01-06 00:00:00 2020-01-09 00:00:00 4', 'the next four go, from when to when');
SELECT is(pg_temp.left_of('tap-a'), '1 2 4 9 10 21 22 31', 'those');
SELECT is(pg_temp.batch('LIVE', 9), 'seen 2 gone 2 of epochs {1,1} 2020-01-10 00:00:00 2020-01-11 00:00:00 2', 'and the last two');
SELECT is(pg_temp.batch('LIVE', 9), 'seen 0 gone 0 of epochs ', 'then the pass has come to its end, and does not come to the held ones again');
SELECT is(pg_temp.batch('', 9), 'seen 1 gone 1 of epochs {1} 2020-01-01 00:00:00 2020-01-01 00:00:00 1', 'another mode begins at its oldest');
SELECT is(pg_temp.at(), ' 31 2020-01-01 00:00:00', 'and the pass stands there');
SELECT is((SELECT count(*) FROM audit.pruned_ids WHERE id IN (SELECT pg_temp.id_of('tap-a', n) FROM generate_series(1, 40) AS n)), 8::bigint, 'the ids of what went are noted, batch by batch');
SELECT is((SELECT count(*) FROM audit.seals WHERE tenant_id = 'tap-a' AND record_id IS NULL), 8::bigint, 'and their leaves are emptied');

-- The whole pass, as the job calls it: from the mode at which it stands.
CREATE FUNCTION pg_temp.prune(p_deadline timestamptz DEFAULT 'infinity') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_keeper('tap-a', format('concat_ws('' '', p.p_pruned, p.p_is_done) FROM audit.prune_tenant(''tap-a'', %L) AS p', p_deadline))
$$;
SELECT is(pg_temp.prune(), '0 t', 'a call goes on with the pass that is under way: after records without a mode nothing is left');
SELECT is(pg_temp.left_of('tap-a'), '1 2 4 21 22', 'though DRY_RUN records are due, which come before');
SELECT is(pg_temp.at(), '', 'it ended the pass');
SELECT is(pg_temp.prune(), '2 t', 'the next one comes to them');
SELECT is(pg_temp.left_of('tap-a'), '1 2 4', 'and to those that it has to pass over');
SELECT audit.release_hold(:'hold', 'over') \gset
SELECT pg_temp.seal() \gset
SELECT is(pg_temp.prune(), '3 t', 'released and sealed, these are gone with the pass after');
SELECT is(pg_temp.left_of('tap-a'), 'none', 'and nothing is left');
SELECT is((SELECT string_agg(s.line::json ->> 'leaves', ' ' ORDER BY s.leaf_index) FROM audit.seals AS s WHERE s.tenant_id = 'tap-a' AND s.line IS NOT NULL), '[[9,11]] [[0,1],[2,3],[13,14]]',
    'each call states the leaves that went in it, and none where none went');

-- More than a batch: a call does one at least, stops at its deadline, and the next goes on.
SELECT count(pg_temp.kept('tap-a', n, mode, '2020-01-01 00:00:00+00')) FROM (VALUES (41, 'LIVE'), (42, 'DRY_RUN')) AS k (n, mode) \gset
SELECT pg_temp.kept_many('tap-a', 1, 5000, 'DRY_RUN', '2020-01-02 00:00:00+00') \gset
SELECT pg_temp.seal() \gset
SELECT is(pg_temp.prune(p_deadline => '-infinity'), '5000 f', 'a call whose time is over does one batch, and says that it is not at the end');
SELECT is((SELECT pass_mode FROM audit.retention WHERE tenant_id = 'tap-a'), 'DRY_RUN', 'it stands at the mode of that batch');
SELECT cmp_ok((SELECT pruned_at FROM audit.retention WHERE tenant_id = 'tap-a'), '>', now(), 'the tenant has had its turn all the same');
SELECT is(pg_temp.prune(p_deadline => '-infinity'), '1 f', 'the next goes on with it');
SELECT is(pg_temp.prune(), '1 t', 'and the last comes to the end');
SELECT is((SELECT jsonb_agg(e.detail -> 'count' ORDER BY e.id) FROM audit.admin_events AS e WHERE e.tenant_id = 'tap-a' AND e.act = 'records pruned'),
    '[2, 3, 5000, 1, 1]', 'each call that pruned has one event');

-- Terms that end while a pass is under way.
SELECT count(pg_temp.kept('tap-a', n, mode, '2020-01-01 00:00:00+00')) FROM (VALUES (51, 'DRY_RUN'), (52, 'LIVE'), (53, NULL)) AS k (n, mode) \gset
SELECT pg_temp.seal() \gset
CREATE FUNCTION pg_temp.stand(p_mode text) RETURNS void LANGUAGE sql AS $$
    UPDATE audit.retention SET pass_mode = p_mode, pass_time = '2021-01-01 00:00:00+00', pass_id = gen_random_uuid() WHERE tenant_id = 'tap-a'
$$;
SELECT pg_temp.stand('DRY_RUN'), audit.set_retention('tap-a', 200, NULL) \gset
SELECT is(pg_temp.prune(), '2 t', 'a pass stood at DRY_RUN, whose term is taken away: it goes on with the other modes');
SELECT is(pg_temp.left_of('tap-a'), '51', 'and leaves DRY_RUN alone');
SELECT pg_temp.stand('LIVE'), audit.set_retention('tap-a', NULL, 30) \gset
SELECT is(pg_temp.prune(), '1 t', 'one stood at LIVE, whose term is taken away: it begins anew with DRY_RUN');
SELECT is(pg_temp.at(), '', 'and comes to its end');

-- In a zone whose summer time began or ended within the term its days have an hour more or less.
SELECT audit.set_retention('tap-a', 200, NULL) \gset
SELECT pg_temp.kept('tap-a', 61, 'LIVE', now() - interval '4800.5 hours'), pg_temp.kept('tap-a', 62, 'LIVE', now() - interval '4799.5 hours'), pg_temp.seal() \gset
SELECT pg_temp.zone(200, true) \gset
SELECT is(concat(pg_temp.prune(), ', ', pg_temp.left_of('tap-a')), '1 t, 62', 'where summer time has begun since, a record is kept to the end of its term');
SELECT pg_temp.kept('tap-a', 63, 'LIVE', now() - interval '4800.5 hours'), pg_temp.seal(), pg_temp.zone(200, false) \gset
SELECT is(concat(pg_temp.prune(), ', ', pg_temp.left_of('tap-a')), '1 t, 62', 'and where it has ended, no longer');
SET LOCAL timezone = 'UTC';

-- Nothing sealed; nothing due.
SELECT pg_temp.kept('tap-b', 1, 'LIVE', '2020-01-01 00:00:00+00') \gset
SELECT audit.set_retention('tap-b', 200, 30) \gset
SELECT is(pg_temp.as_keeper('tap-b', 'concat_ws('' '', p.p_pruned, p.p_is_done) FROM audit.prune_tenant(''tap-b'', ''infinity'') AS p'), '0 t', 'a tenant of which nothing is sealed has nothing to prune');
SELECT is(pg_temp.left_of('tap-b'), '1', 'and keeps its record');
SELECT is(pg_temp.as_retention(call), '42501 permission denied for function ' || function, 'the job calls no part of it: ' || function)
FROM (VALUES ('prune_batch', 'audit.prune_batch(''tap-a'', ''LIVE'', now(), 1)'), ('prune_tenant', 'audit.prune_tenant(''tap-a'', now())')) AS c (function, call);

SELECT * FROM finish();
ROLLBACK;
