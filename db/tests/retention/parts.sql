-- Proves: the parts that a prune and an erasure are made of: a tenant is entered under scopes that no key has and left again; statements have these very bytes and
-- long ones are split; no other act is recorded as one of audit_keeper's; and each part is for audit_keeper and the owner.

BEGIN;
SELECT plan(52);
\ir ../support/kept.sql
\ir ../support/trees.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset

-- Entering.
SELECT is(pg_temp.as_keeper('tap-a', 'concat_ws('' '', current_setting(''app.tenant_id''), current_setting(''app.scopes''), current_setting(''app.scope''), '
    'audit.proven_tenant(''keep''), audit.proven_tenant(''seal''), audit.proven_tenant(''read''), audit.proven_tenant(''write''))'), 'tap-a keep,seal keep tap-a tap-a',
    'a tenant is proven with the scopes keep and seal');
SELECT is(pg_temp.settings(), '', 'and left');
SELECT is(pg_temp.as_keeper('tap-nobody', '1'), 'RF002 the tenant is not registered', 'one that nobody registered is not entered');
SELECT is(pg_temp.as_keeper(NULL, '1'), 'RF002 the tenant is not registered', 'nor none');
-- Locking: the newest epoch.
SELECT is(pg_temp.as_keeper('tap-a', 'audit.lock_tree_to_keep(''tap-a'', false)'), 'NULL', 'without a tree there is nothing to lock for a prune');
SELECT is(pg_temp.as_keeper('tap-a', 'audit.lock_tree_to_keep(''tap-a'', true)'), '1', 'for a hold or an erasure the first tree begins');
SELECT is((SELECT string_agg(concat_ws(' ', tenant_id, epoch, size, root = sha256(''), sealed_xid), ', ') FROM audit.trees), 'tap-a 1 0 t 0', 'empty');
SET LOCAL session_replication_role = replica;   -- the owner of a table that refers to it has no privilege on it
DELETE FROM audit.trees;
RESET session_replication_role;
SELECT pg_temp.grow('tap-a', 1, 3), pg_temp.grow('tap-a', 2, 2), pg_temp.grow('tap-b', 3, 1) \gset
UPDATE audit.trees SET frontier = pg_temp.mth(pg_temp.leaf_hashes('tap-a', 2, 2)) WHERE tenant_id = 'tap-a' AND epoch = 2;
SELECT is(pg_temp.as_keeper('tap-a', format('audit.lock_tree_to_keep(''tap-a'', %s)', wait)), '2', 'the newest tree is locked: ' || wait) FROM (VALUES ('true'), ('false')) AS w (wait);
UPDATE audit.trees SET frontier = '' WHERE tenant_id = 'tap-a' AND epoch = 2;
SELECT is(pg_temp.as_keeper('tap-a', 'audit.lock_tree_to_keep(''tap-a'', false)'), 'RF009 the tree contradicts itself', 'one that contradicts itself is not locked for a prune');
SELECT is(pg_temp.as_keeper('tap-a', 'audit.lock_tree_to_keep(''tap-a'', true)'), '2', 'but for a hold');
UPDATE audit.trees SET frontier = pg_temp.mth(pg_temp.leaf_hashes('tap-a', 2, 2)) WHERE tenant_id = 'tap-a' AND epoch = 2;

-- The line: its bytes, whatever the session has set.
PREPARE line AS SELECT audit.gone_leaf_line('prune', 'tap-a', 7, ARRAY[9, 3, 4, 0, 5, 1000000000000]::bigint[], 'LIVE', 365,
    '2024-12-31 23:59:59.5+00', '2025-01-02 03:04:05+00', '2026-02-03 04:05:06.000007+00');
\set expected '{"version":1,"kind":"prune","tenant_id":"tap-a","epoch":7,"leaves":[[0,1],[3,6],[9,10],[1000000000000,1000000000001]],"mode":"LIVE","keep_days":365,"first_created_at":"2024-12-31T23:59:59.500000Z","last_created_at":"2025-01-02T03:04:05.000000Z","at":"2026-02-03T04:05:06.000007Z"}'
SELECT results_eq('EXECUTE line', ARRAY[:'expected'], 'the line of a prune: runs of leaves, in their order, and their rule');
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'German';
SELECT results_eq('EXECUTE line', ARRAY[:'expected'], 'the same in another zone and style');
RESET timezone;
RESET datestyle;
SELECT is(audit.gone_leaf_line('prune', 'tap-b', 1, ARRAY[0]::bigint[], NULL, 1, '2026-02-01 00:00:00+00', '2026-02-01 00:00:00+00', '2026-02-03 04:05:06+00'),
    '{"version":1,"kind":"prune","tenant_id":"tap-b","epoch":1,"leaves":[[0,1]],"mode":null,"keep_days":1,"first_created_at":"2026-02-01T00:00:00.000000Z","last_created_at":"2026-02-01T00:00:00.000000Z","at":"2026-02-03T04:05:06.000000Z"}',
    'that of records without a mode');
SELECT is(audit.gone_leaf_line('erase', 'tap-b', 1, ARRAY[0]::bigint[], NULL, NULL, NULL, NULL, '2026-02-03 04:05:06+00'),
    '{"version":1,"kind":"erase","tenant_id":"tap-b","epoch":1,"leaves":[[0,1]],"at":"2026-02-03T04:05:06.000000Z"}', 'that of an erasure has no term; always six digits');
SELECT throws_ok(format('SELECT audit.gone_leaf_line(%L, %L, 1, %L, %L, %L, %L, %L, now())', 'prune', 'tap-b', '{0}', 'LIVE', days, first, last), 'RF003', 'a prune names its term and its times', 'no prune without its ' || missing)
FROM (VALUES (NULL, now(), now(), 'term'), (200, NULL, now(), 'first time'), (200, now(), NULL, 'last time')) AS c (days, first, last, missing);
SELECT is(pg_temp.as_keeper('tap-a', 'audit.append_gone_statements(''prune'', ''tap-a'', ARRAY[1], ARRAY[1]::bigint[], now())'), 'RF003 a prune names its term and its times', 'nor is it stated');

-- Statements: one for each epoch, all in the newest tree; long ones in parts.
CREATE FUNCTION pg_temp.stated(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_size   bigint := (SELECT size FROM audit.trees WHERE tenant_id = 'tap-a' AND epoch = 2);
    v_answer text   := pg_temp.as_keeper('tap-a', p_call);
BEGIN
    RETURN v_answer || (SELECT coalesce(string_agg(concat_ws(' ', s.line::json ->> 'kind', s.line::json ->> 'epoch', CASE WHEN length(s.line) < 400 THEN s.line::json ->> 'leaves'
                                                   ELSE json_array_length(s.line::json -> 'leaves') || ' ranges' END), ', ' ORDER BY s.leaf_index), '')
                        FROM audit.seals AS s WHERE s.tenant_id = 'tap-a' AND s.epoch = 2 AND s.leaf_index >= v_size);
END
$$;
SELECT is(pg_temp.stated('audit.append_gone_statements(''prune'', ''tap-a'', ARRAY[2, 1, 2, 1], ARRAY[1, 2, 0, 0]::bigint[], now(), array_fill(now(), ARRAY[4]), ''LIVE'', 200)'), 'prune 1 [[0,1],[2,3]], prune 2 [[0,2]]',
    'one statement for each epoch, in the newest tree');
SELECT is(pg_temp.stated('audit.append_gone_statements(''erase'', ''tap-a'', ARRAY[1], ARRAY[1]::bigint[], now())'), 'erase 1 [[1,2]]', 'of an erasure too');
SELECT is(pg_temp.stated('audit.append_gone_statements(''prune'', ''tap-a'', ''{}'', ''{}'', now())'), '', 'nothing is stated of nothing');
SELECT is(pg_temp.stated('audit.append_gone_statements(''prune'', ''tap-a'', ARRAY[1, 2, 1, 1], ARRAY[0, 0, 2, 1]::bigint[], ''2026-01-01 00:00:00+00'', '
    'ARRAY[''2020-01-03 00:00:00+00'', ''2020-01-09 00:00:00+00'', ''2020-01-01 00:00:00+00'', ''2020-01-02 00:00:00+00'']::timestamptz[], ''DRY_RUN'', 30)'),
    'prune 1 [[0,3]], prune 2 [[0,1]]', 'the statements of a prune');
SELECT results_eq($$SELECT s.line::jsonb - 'leaves' - 'version' - 'kind' - 'tenant_id' FROM audit.seals AS s WHERE s.tenant_id = 'tap-a' AND s.line LIKE '%DRY_RUN%' ORDER BY s.leaf_index$$,
    $$VALUES ('{"epoch": 1, "mode": "DRY_RUN", "keep_days": 30, "first_created_at": "2020-01-01T00:00:00.000000Z", "last_created_at": "2020-01-03T00:00:00.000000Z", "at": "2026-01-01T00:00:00.000000Z"}'::jsonb),
             ('{"epoch": 2, "mode": "DRY_RUN", "keep_days": 30, "first_created_at": "2020-01-09T00:00:00.000000Z", "last_created_at": "2020-01-09T00:00:00.000000Z", "at": "2026-01-01T00:00:00.000000Z"}')$$,
    'say mode, term, and from when to when their own records were made');
SELECT is(pg_temp.stated('audit.append_gone_statements(''prune'', ''tap-a'', array_agg(1), array_agg(2 * n), now(), array_agg(now()), ''LIVE'', 200) FROM generate_series(1, 10001::bigint) AS n'), 'prune 1 10000 ranges, prune 1 [[20002,20003]]',
    'one of more than 10,000 ranges is split');
SELECT is(pg_temp.stated('audit.append_gone_statements(''prune'', ''tap-a'', array_agg(1), array_agg(n), now(), array_agg(now()), ''LIVE'', 200) FROM generate_series(1, 20001::bigint) AS n'), 'prune 1 [[1,20002]]', 'neighbours are one range');
SELECT results_eq($$SELECT t.size, t.root FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 2$$,
    format('VALUES (10::bigint, %L::bytea)', pg_temp.mth(pg_temp.leaf_hashes('tap-a', 2, 10))), 'the tree has grown by all of them');
SELECT is_empty($$SELECT s.leaf_index FROM audit.seals AS s WHERE s.tenant_id = 'tap-a' AND s.line LIKE '{%' AND s.leaf_hash <> sha256('\x00'::bytea || convert_to(s.line, 'UTF8'))$$, 'each is the hash of its line');
UPDATE audit.trees SET root = sha256('x') WHERE tenant_id = 'tap-a' AND epoch = 2;
SELECT is(pg_temp.as_keeper('tap-a', 'audit.append_gone_statements(''prune'', ''tap-a'', ARRAY[1], ARRAY[1]::bigint[], now(), ARRAY[now()], ''LIVE'', 200)'), 'RF009 the tree contradicts itself', 'a tree that contradicts itself takes none');

-- Acts.
SELECT count(*) FROM pg_temp.new_events() \gset
SELECT is(pg_temp.as_keeper('tap-a', format('audit.record_keeping_event(%L, ''tap-a'', ''{"count": 1}'')', act)), '', 'an act of audit_keeper: ' || act)
FROM (VALUES ('records pruned'), ('person erased'), ('record erased')) AS a (act);
SELECT set_eq('SELECT act, tenant_id, detail::text FROM pg_temp.new_events()',
    $$VALUES ('records pruned', 'tap-a', '{"count": 1}'), ('person erased', 'tap-a', '{"count": 1}'), ('record erased', 'tap-a', '{"count": 1}')$$, 'is recorded');
SELECT is(pg_temp.as_keeper('tap-a', format('audit.record_keeping_event(%L, ''tap-a'', ''{}'')', act)), answer, 'no other: ' || coalesce(act, 'NULL'))
FROM (VALUES ('tenant created', 'RF003 not an act of audit_keeper'), ('hold released', 'RF003 not an act of audit_keeper'), ('records exported', 'RF003 not an act of audit_keeper'),
             (NULL, '23502 null value in column "act" of relation "admin_events" violates not-null constraint')) AS a (act, answer);
-- Ids, noted once.
SELECT is(pg_temp.as_keeper('tap-a', 'audit.record_pruned_ids(ARRAY[''01900000-0000-7000-8000-000000000001'', ''01900000-0000-7000-8000-000000000002'', ''01900000-0000-7000-8000-000000000001'']::uuid[])'), '', 'ids are noted');
SELECT is(pg_temp.as_keeper('tap-a', 'audit.record_pruned_ids(ARRAY[''01900000-0000-7000-8000-000000000002'']::uuid[])'), '', 'and may be noted again');
SELECT is((SELECT count(*) FROM audit.pruned_ids WHERE id::text LIKE '01900000-0000-7000-8000-00000000000_'), 2::bigint, 'each is there once');

-- Statistics that hold no value that has gone.
SELECT count(pg_temp.kept('tap-b', n, 'LIVE', '2026-01-01 00:00:00+00', 'tap jane')) FROM generate_series(1, 50) AS n \gset
ANALYZE audit.audit_logs;
DELETE FROM pg_statistic WHERE starelid = 'audit.legal_holds'::regclass;
SELECT audit.place_hold('tap-b', 'reason', 'case') \gset
UPDATE audit.audit_logs SET user_id = NULL, error = NULL WHERE tenant_id = 'tap-b';
SELECT is(pg_temp.as_eraser('audit.refresh_statistics()'), '', 'the eraser makes them anew');
SELECT is_empty($$SELECT s.attname FROM pg_stats AS s WHERE s.schemaname = 'audit' AND concat(s.most_common_vals, s.histogram_bounds) LIKE '%tap jane%'$$, 'without those that have gone');
SELECT isnt_empty($$SELECT s.attname FROM pg_stats AS s WHERE s.schemaname = 'audit' AND s.tablename = 'legal_holds'$$, 'of holds, too');

SELECT is(pg_temp.as_retention('audit.' || call), '42501 permission denied for function ' || split_part(call, '(', 1), 'the job cannot call ' || split_part(call, '(', 1))
FROM (VALUES ('enter_tenant_to_keep(''tap-a'')'), ('leave_tenant()'), ('lock_tree_to_keep(''tap-a'', true)'), ('append_gone_statements(''prune'', ''tap-a'', ''{}'', ''{}'', now())'),
             ('gone_leaf_line(''prune'', ''tap-a'', 1, ''{}'', ''LIVE'', 1, now(), now(), now())'), ('append_statement(''tap-a'', 1, ''x'')'), ('record_keeping_event(''records pruned'', ''tap-a'', ''{}'')'),
             ('record_pruned_ids(''{}'')'), ('are_pruned(''{}'')')) AS c (call);

SELECT * FROM finish();
ROLLBACK;
