-- Proves: a prune deletes what is due, sealed and not held, and nothing else; every leaf keeps its hash, a statement in the tenant's own tree names
-- the leaves that went, of each mode by itself and with its term, the ids are noted, and an event says how many of each mode from when to when; what was not sealed goes later.

BEGIN;
SELECT plan(39);
\ir ../support/kept.sql
\ir ../support/trees.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c') \gset
SELECT audit.set_retention('tap-a', 200, 30), audit.set_retention('tap-c', 200, NULL) \gset
-- 1 and 2 are due as DRY_RUN, 3 and 4 as LIVE, 5 without a mode; 6 to 8 are a day from it; 9 is held, 10 is not sealed yet.
SELECT count(pg_temp.kept(t.tenant, k.n, k.mode, now() - k.days * interval '24 hours', 'jane'))
FROM (VALUES ('tap-a'), ('tap-b')) AS t (tenant)
CROSS JOIN (VALUES (1, 'DRY_RUN', 31), (2, 'DRY_RUN', 199), (3, 'LIVE', 201), (4, 'LIVE', 900), (5, NULL, 300),
                   (6, 'DRY_RUN', 29), (7, 'LIVE', 199), (8, NULL, 199), (9, 'LIVE', 901)) AS k (n, mode, days) \gset
SELECT pg_temp.kept('tap-c', 7, 'LIVE', now() - 199 * interval '24 hours'), pg_temp.kept('tap-c', 2, 'DRY_RUN', '2001-01-01 00:00:00+00') \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.kept('tap-a', 10, 'LIVE', now() - 902 * interval '24 hours') \gset
SELECT audit.place_hold('tap-a', 'reason', 'case', p_agent_id => 'agent-9') AS hold \gset
SELECT count(*) FROM pg_temp.new_events() \gset
CREATE TEMPORARY TABLE hash_before AS SELECT tenant_id, epoch, leaf_index, leaf_hash FROM audit.seals WHERE tenant_id LIKE 'tap-%';
CREATE TEMPORARY TABLE log_before AS SELECT * FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%';
SELECT root AS root_b FROM audit.trees WHERE tenant_id = 'tap-b' \gset
SELECT pg_temp.leaves_of('tap-a') AS leaves \gset
SELECT is(:'leaves'::text, 'RRRRRRRRR', 'before it every leaf has its record');

SET LOCAL synchronous_commit = off;
SELECT is(pg_temp.as_retention('format(''%s %s'', p.pruned, p.is_done) FROM audit.prune_records(10000) AS p'), '5 t', 'a prune says how many went, and that it came to the end');
SELECT is(pg_temp.left_of('tap-a'), '6 7 8 9 10', 'what was due, sealed and not held is gone, of each mode by its own term');
SELECT is(pg_temp.left_of('tap-b'), '1 2 3 4 5 6 7 8 9', 'nothing of a tenant without terms');
SELECT is(pg_temp.left_of('tap-c'), '2 7', 'nor of one whose term is not over, or of a mode without a term');
SELECT is((SELECT count(*) FROM audit.audit_logs AS l JOIN log_before AS b USING (id) WHERE l::text = b::text), 16::bigint, 'what is left is as it was');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');

-- The tree.
SELECT is(pg_temp.leaves_of('tap-a'), '-----RRRRSSS', 'a leaf of a record that went keeps nothing but its hash, and a statement of each mode follows');
SELECT is_empty($$SELECT b.tenant_id, b.leaf_index, b.leaf_hash FROM hash_before AS b EXCEPT SELECT s.tenant_id, s.leaf_index, s.leaf_hash FROM audit.seals AS s$$,
    'every hash is as it was');
SELECT is((SELECT count(*) FROM audit.seals AS s WHERE s.tenant_id = 'tap-a' AND s.record_id IS NULL AND num_nonnulls(s.salt, s.private_sha256, s.line) = 0), 5::bigint,
    'neither salt nor digest is left');
SELECT line, leaf_hash, line::json ->> 'at' AS at FROM audit.seals WHERE tenant_id = 'tap-a' AND leaf_index = 9 \gset
CREATE FUNCTION pg_temp.ago(p_days int) RETURNS text LANGUAGE sql AS $$
    SELECT to_char((now() - p_days * interval '24 hours') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
SELECT results_eq($$SELECT line FROM audit.seals WHERE tenant_id = 'tap-a' AND line IS NOT NULL ORDER BY leaf_index$$,
    format('SELECT format(''{"version":1,"kind":"prune","tenant_id":"tap-a","epoch":1,"leaves":[[%%s]],"mode":%%s,"keep_days":%%s,"first_created_at":"%%s","last_created_at":"%%s","at":"%s"}'', '
           'leaves, mode, days, pg_temp.ago(first), pg_temp.ago(last)) '
           'FROM (VALUES (''0,2'', ''"DRY_RUN"'', 30, 199, 31), (''2,4'', ''"LIVE"'', 200, 900, 201), (''4,5'', ''null'', 200, 300, 300)) AS s (leaves, mode, days, first, last)', :'at'),
    'they name the leaves, the mode, its term, and from when to when the records were made');
SELECT is(:'leaf_hash'::bytea, sha256('\x00'::bytea || convert_to(:'line', 'UTF8')), 'a leaf is the hash of its line');
SELECT cmp_ok(:'at'::timestamptz, '>', now(), 'it has the time of the clock');
SELECT matches(:'at'::text, '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$', 'in UTC with six digits');
SELECT results_eq($$SELECT size, root FROM audit.trees WHERE tenant_id = 'tap-a'$$,
    format('VALUES (12::bigint, %L::bytea)', pg_temp.mth(pg_temp.leaf_hashes('tap-a', 1, 12))), 'the tree has grown by them');
SELECT results_eq($$SELECT size, root FROM audit.trees WHERE tenant_id = 'tap-b'$$, format('VALUES (9::bigint, %L::bytea)', :'root_b'), 'and no other tree');

-- The ids, and the event.
SELECT set_eq('SELECT p.id FROM audit.pruned_ids AS p JOIN log_before AS b USING (id)', $$SELECT pg_temp.id_of('tap-a', n) FROM generate_series(1, 5) AS n$$, 'the ids of what went are noted');
SELECT count(*) AS events, min(act) AS act, min(tenant_id) AS tenant_id, min(actor) AS actor, count(api_key_id) AS keys, min(detail::text) AS detail FROM pg_temp.new_events() \gset
SELECT is(concat_ws(' ', :'events', :'act', :'tenant_id', :'actor', :'keys'), '1 records pruned tap-a tap_retention 0', 'one event for the tenant of which something went, by the login');
SELECT is(:'detail'::jsonb - 'first_created_at' - 'last_created_at', '{"count": 5, "dry_run": 2, "live": 2, "without_mode": 1}', 'with how many of each mode');
SELECT is((:'detail'::jsonb ->> 'first_created_at')::timestamptz, now() - 900 * interval '24 hours', 'from when');
SELECT is((:'detail'::jsonb ->> 'last_created_at')::timestamptz, now() - 31 * interval '24 hours', 'to when');
SELECT is(current_setting('synchronous_commit'), 'on', 'it is on the disk when its transaction has committed');
SELECT cmp_ok((SELECT pruned_at FROM audit.retention WHERE tenant_id = 'tap-a'), '>=', now(), 'the tenant has had its turn');
SELECT is((SELECT num_nonnulls(pass_mode, pass_time, pass_id) FROM audit.retention WHERE tenant_id = 'tap-a'), 0, 'and the next pass begins anew');

-- Again: nothing is due but what is held.
SELECT is(pg_temp.as_retention('format(''%s %s'', p.pruned, p.is_done) FROM audit.prune_records(10000) AS p'), '0 t', 'a second prune finds nothing');
SELECT is(pg_temp.leaves_of('tap-a'), '-----RRRRSSS', 'and states nothing');
SELECT is_empty('SELECT act FROM pg_temp.new_events()', 'and records nothing');
-- Sealed later, released later.
SELECT pg_temp.seal(), audit.release_hold(:'hold', 'over') \gset
SELECT count(*) FROM pg_temp.new_events() \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '2', 'what is sealed by then goes, and what was held');
SELECT is(pg_temp.left_of('tap-a'), '6 7 8', 'and no more');
SELECT is(pg_temp.leaves_of('tap-a'), '-----RRR-SSS-S', 'with a statement of its own');
SELECT is((SELECT line::jsonb - 'at' FROM audit.seals WHERE tenant_id = 'tap-a' AND leaf_index = 13),
    format('{"version": 1, "kind": "prune", "tenant_id": "tap-a", "epoch": 1, "leaves": [[8, 9], [12, 13]], "mode": "LIVE", "keep_days": 200, "first_created_at": "%s", "last_created_at": "%s"}',
           pg_temp.ago(902), pg_temp.ago(901))::jsonb, 'that names runs of leaves');
SELECT is((SELECT detail - 'first_created_at' - 'last_created_at' FROM pg_temp.new_events()), '{"count": 2, "dry_run": null, "live": 2, "without_mode": null}', 'and an event of its own');

-- Who may.
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT * FROM audit.prune_records()', login), '42501', 'permission denied for function prune_records', login || ' prunes nothing')
FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_registrar')) AS l (login);
SELECT is(pg_temp.as_retention('count(*) FROM audit.' || name), '42501 permission denied for table ' || name, 'the job reads no ' || name)
FROM (VALUES ('audit_logs'), ('seals'), ('retention'), ('pruned_ids')) AS t (name);

SELECT * FROM finish();
ROLLBACK;
