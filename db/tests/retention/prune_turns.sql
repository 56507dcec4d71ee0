-- Proves: a prune works for each tenant in its turn, within its time: a call that is over stops after one tenant and says that more is to do; a tenant whose tree
-- contradicts itself is left out with a warning, loses its turn like any other, and stops nobody.

BEGIN;
SELECT plan(25);
\ir ../support/kept.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c'), audit.create_tenant('tap-d') \gset
SELECT audit.set_retention('tap-a', 200, NULL), audit.set_retention('tap-b', 200, NULL), audit.set_retention('tap-c', NULL, NULL), audit.set_retention('tap-d', 200, NULL) \gset
SELECT count(pg_temp.kept(t, n, 'LIVE', timestamptz '2020-01-01 00:00:00+00' + n * interval '1 day')) FROM (VALUES ('tap-a'), ('tap-b'), ('tap-c')) AS t (t) CROSS JOIN generate_series(1, 3) AS n \gset
SELECT pg_temp.kept('tap-d', 1, 'LIVE', now()), pg_temp.seal() \gset
CREATE FUNCTION pg_temp.prune(p_milliseconds int DEFAULT 10000) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_retention(format('concat_ws('' '', p.pruned, p.is_done) FROM audit.prune_records(%L) AS p', p_milliseconds))
$$;
CREATE FUNCTION pg_temp.turns() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(r.tenant_id, ' ' ORDER BY n) FROM audit.list_retention() WITH ORDINALITY AS r (tenant_id, a, b, c, d, n) $$;
CREATE FUNCTION pg_temp.left_over() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(pg_temp.left_of(t), ', ' ORDER BY t) FROM (VALUES ('tap-a'), ('tap-b'), ('tap-c')) AS t (t)
$$;

-- A call of a millisecond is over after one tenant. That of a record without an end, after each.
CREATE FUNCTION pg_temp.slow() RETURNS void LANGUAGE sql AS $$
    CREATE POLICY slow ON audit.audit_logs AS RESTRICTIVE FOR DELETE TO audit_keeper USING (CASE WHEN id IS NOT NULL THEN pg_sleep(0.002) IS NOT NULL END)
$$;
SELECT is(pg_temp.turns(), 'tap-a tap-b tap-c tap-d', 'nobody has had a turn');
SELECT pg_temp.slow() \gset
SELECT is(pg_temp.prune(1), '3 f', 'a call whose time is over has worked for one tenant, and says that it is not done');
SELECT is(pg_temp.left_over(), 'none, 1 2 3, 1 2 3', 'the first');
SELECT is(pg_temp.turns(), 'tap-b tap-c tap-d tap-a', 'who goes to the end');
SELECT is(pg_temp.prune(1), '3 f', 'the next call works for the next one');
SELECT is(pg_temp.left_over(), 'none, none, 1 2 3', 'and no tenant without a term loses anything');
SELECT is(pg_temp.turns(), 'tap-c tap-d tap-a tap-b', 'who had nothing due keeps the turn');
SELECT is(pg_temp.prune(1), '0 t', 'and takes no time: the call after finds nothing, and is done');
DROP POLICY slow ON audit.audit_logs;
SELECT count(pg_temp.kept(t, n, 'LIVE', timestamptz '2020-01-01 00:00:00+00' + n * interval '1 day')) FROM (VALUES ('tap-a'), ('tap-b')) AS t (t) CROSS JOIN generate_series(4, 5) AS n \gset
SELECT pg_temp.seal() \gset
SELECT is(pg_temp.prune(), '4 t', 'with time enough a call works for all');
SELECT is(pg_temp.prune(0), '0 t', 'no time is a millisecond');

-- A tree that contradicts itself.
SELECT count(pg_temp.kept(t, n, 'LIVE', timestamptz '2020-01-01 00:00:00+00' + n * interval '1 day')) FROM (VALUES ('tap-a'), ('tap-b')) AS t (t) CROSS JOIN generate_series(6, 7) AS n \gset
SELECT pg_temp.seal() \gset
UPDATE audit.retention SET pruned_at = CASE tenant_id WHEN 'tap-a' THEN timestamptz '2001-01-01 00:00:00+00' ELSE '2002-01-01 00:00:00+00' END;
UPDATE audit.trees SET root = sha256('x') WHERE tenant_id = 'tap-a';
SELECT is(pg_temp.turns(), 'tap-a tap-b tap-c tap-d', 'the tenant whose tree is broken is the first');
SELECT is(pg_temp.prune(), '2 t', 'the others are pruned');
SELECT is(pg_temp.left_over(), '6 7, none, 1 2 3', 'and nothing of that one');
SELECT is(pg_temp.turns(), 'tap-c tap-d tap-a tap-b', 'it has had its turn, and is not the first of each call');
SELECT is_empty($$SELECT act FROM audit.admin_events WHERE act = 'records pruned' AND tenant_id = 'tap-a' AND (detail ->> 'count')::int > 3$$, 'nothing of it is on record');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');
-- A fault that is found after records were deleted undoes them.
SELECT count(pg_temp.kept('tap-b', n, 'LIVE', timestamptz '2020-01-01 00:00:00+00' + n * interval '1 day')) FROM generate_series(8, 9) AS n \gset
UPDATE audit.trees SET root = t.root FROM (SELECT audit.tree_root(frontier) AS root FROM audit.trees WHERE tenant_id = 'tap-a') AS t WHERE tenant_id = 'tap-a';
SELECT pg_temp.seal() \gset
CREATE POLICY fault ON audit.seals AS RESTRICTIVE FOR UPDATE TO audit_keeper USING (tenant_id <> 'tap-a' OR 1 / (leaf_index - leaf_index) = 0);
SELECT is(pg_temp.prune(), '2 t', 'a fault in the middle of one tenant''s prune stops no other');
SELECT is(pg_temp.left_over(), '6 7, none, 1 2 3', 'and is undone');
SELECT is((SELECT count(*) FROM audit.pruned_ids WHERE id = pg_temp.id_of('tap-a', 6)), 0::bigint, 'to the last id');
DROP POLICY fault ON audit.seals;
SELECT is(pg_temp.prune(), '2 t', 'without it the tenant is pruned');
SELECT is(pg_temp.left_over(), 'none, none, 1 2 3', 'whole');

SELECT audit.set_retention('tap-c', 183, NULL) \gset
SELECT is(pg_temp.prune(), '3 t', 'terms that are set later hold for what is there');
SELECT is(pg_temp.left_over(), 'none, none, none', 'and all is gone');

-- Of a call that does not come to its end, also those that had nothing due go to the end of the queue.
SELECT pg_temp.kept('tap-a', 10, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.kept('tap-b', 10, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal() \gset
UPDATE audit.retention SET pruned_at = CASE tenant_id WHEN 'tap-d' THEN timestamptz '2001-01-01 00:00:00+00' WHEN 'tap-a' THEN '2002-01-01 00:00:00+00'
                                                      ELSE '2003-01-01 00:00:00+00' END;
SELECT pg_temp.slow() \gset
SELECT is(pg_temp.prune(1), '1 f', 'a call that looks at one tenant, prunes the next, and has no time for the third');
SELECT is(pg_temp.turns(), 'tap-b tap-c tap-a tap-d', 'neither is the first of the next call');

SELECT * FROM finish();
ROLLBACK;
