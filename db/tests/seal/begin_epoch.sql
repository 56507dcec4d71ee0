-- Proves: audit.begin_epoch() seals what is left in the old epoch, links a new one to it, and says what was known and is lost. No other
-- transaction may write meanwhile, in any database of the server: run this file again when one did.

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT plan(29);
\ir ../support/registrar.sql
\ir ../support/sealer.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c') \gset
SELECT pg_temp.sealable('tap-a', 3, NULL), pg_temp.sealable('tap-a', 4, '5'), pg_temp.sealable('tap-b', 1, '5') \gset
-- tap-a was sealed up to a number, as in the cluster that the copy came from; since then records have come with lower and higher ones.
CREATE FUNCTION pg_temp.as_sealer(p_call text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.scope', 'seal', true);
    PERFORM audit.set_proven_tenant((SELECT id::text FROM audit.proof_secrets WHERE replaced_at IS NULL), 'tap-a', 'seal', '', '');
    EXECUTE p_call;
    PERFORM set_config('app.tenant_id', '', true), set_config('app.scopes', '', true), set_config('app.proof', '', true),
            set_config('app.scope', '', true);
END
$$;
SELECT pg_temp.as_sealer($$SELECT audit.seal_batch('tap-a', '9', 5000), audit.seal_batch('tap-a', '9', 5000)$$) \gset
SELECT pg_temp.sealable('tap-a', 1, '3'), pg_temp.sealable('tap-a', 2, '9000000000'), pg_temp.sealable('tap-a', 1, NULL),
       pg_temp.sealable('tap-a', 5001, '4') \gset
CREATE TEMPORARY TABLE old AS SELECT t.* FROM audit.trees AS t WHERE t.tenant_id = 'tap-a';
SELECT is((SELECT size FROM old), 7::bigint, 'before: seven records of tap-a have leaves');
SELECT count(*) FROM pg_temp.new_events() \gset none_

CREATE FUNCTION pg_temp.begin(p_reason text, p_known json)
RETURNS TABLE (tenant_id text, epoch int, previous_epoch int, previous_size bigint, known_size bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('session_authorization', 'tap_registrar', true);
    RETURN QUERY SELECT * FROM audit.begin_epoch(p_reason, p_known);
    RESET SESSION AUTHORIZATION;
END
$$;
CREATE TEMPORARY TABLE begun AS SELECT * FROM pg_temp.begin('restore', json_build_array(
    json_build_object('tenant_id', 'tap-a', 'epoch', 1, 'size', 6000, 'root', repeat('AB', 32)),
    json_build_object('tenant_id', 'tap-a', 'epoch', 1, 'size', 5, 'root', repeat('00', 32)),
    json_build_object('tenant_id', 'tap-b', 'epoch', 3, 'size', 9, 'root', repeat('cd', 32)),
    json_build_object('tenant_id', 'tap-gone', 'epoch', 2, 'size', 70, 'root', repeat('ef', 32))));

-- The old epoch.
SELECT is(t.size, 5012::bigint, 'what had no leaf is sealed in the old epoch') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 1;
SELECT is(t.root, pg_temp.merkle_root(pg_temp.leaves('tap-a')), 'in one tree') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 1;
SELECT is(pg_temp.merkle_root(pg_temp.leaves('tap-a', 1, 0, 7)), o.root, 'which grew: its first seven leaves are what they were') FROM old AS o;
SELECT results_eq(
    $$SELECT coalesce(l.recorded_xid::text, 'history'), count(*) FROM audit.seals AS s JOIN audit.audit_logs AS l ON l.id = s.record_id
      WHERE s.tenant_id = 'tap-a' AND s.leaf_index >= 7 GROUP BY 1 ORDER BY min(s.leaf_index)$$,
    $$VALUES ('history', 1::bigint), ('3', 1::bigint), ('4', 5001::bigint), ('9000000000', 2::bigint)$$,
    'first what has no number, then by number: lower ones than those before, and ones that are not given out yet');
SELECT is_empty($$SELECT FROM audit.audit_logs AS l WHERE l.id NOT IN (SELECT s.record_id FROM audit.seals AS s WHERE s.record_id IS NOT NULL)$$,
    'no record of any tenant is left without a leaf');

-- The new ones.
SELECT is(t.size, 1::bigint, 'the new epoch has one leaf') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 2;
SELECT is(s.line, audit.epoch_leaf_line('tap-a', 2, 1, 5012, t.root, 6000, repeat('ab', 32), 'restore', next.began_at),
    'a statement, with the old root and the largest size that was known of it')
FROM audit.seals AS s JOIN audit.trees AS t ON t.tenant_id = 'tap-a' AND t.epoch = 1 JOIN audit.trees AS next ON next.tenant_id = 'tap-a' AND next.epoch = 2
WHERE s.tenant_id = 'tap-a' AND s.epoch = 2;
SELECT is(s.leaf_hash, sha256('\x00'::bytea || convert_to(s.line, 'UTF8')), 'hashed like any leaf') FROM audit.seals AS s WHERE s.tenant_id = 'tap-a' AND s.epoch = 2;
SELECT is(t.root, s.leaf_hash, 'it is the root') FROM audit.trees AS t JOIN audit.seals AS s USING (tenant_id, epoch) WHERE t.tenant_id = 'tap-a' AND t.epoch = 2;
SELECT results_eq(
    $$SELECT * FROM begun WHERE tenant_id LIKE 'tap-%' ORDER BY tenant_id$$,
    $$VALUES ('tap-a', 2, 1, 5012::bigint, 6000::bigint), ('tap-b', 4, 1, 1, NULL), ('tap-c', 2, 1, 0, NULL), ('tap-gone', NULL, 2, NULL, 70)$$,
    'it returns each tenant, what was known and is lost, and who is not registered any more');
SELECT is((SELECT count(*) FROM begun WHERE epoch IS NOT NULL), (SELECT count(*) FROM audit.tenants), 'every tenant has a new epoch');
SELECT is(s.line::json ->> 'previous_epoch', '1', 'an epoch that was lost whole leaves a gap in the numbers: it is not begun again')
FROM audit.seals AS s WHERE s.tenant_id = 'tap-b' AND s.epoch = 4;
SELECT is(s.line::json ->> 'previous_root', encode(sha256(''), 'hex'), 'a tenant without records begins one too')
FROM audit.seals AS s WHERE s.tenant_id = 'tap-c' AND s.epoch = 2;
SELECT results_eq(
    $$SELECT e.tenant_id, e.act, e.actor, e.detail::text FROM pg_temp.new_events() AS e WHERE e.tenant_id LIKE 'tap-%' ORDER BY e.tenant_id$$,
    $$VALUES ('tap-a', 'epoch begun', 'tap_registrar', '{"epoch": 2, "reason": "restore", "known_size": 6000, "previous_size": 5012}'),
             ('tap-b', 'epoch begun', 'tap_registrar', '{"epoch": 4, "reason": "restore", "known_size": null, "previous_size": 1}'),
             ('tap-c', 'epoch begun', 'tap_registrar', '{"epoch": 2, "reason": "restore", "known_size": null, "previous_size": 0}')$$,
    'and each has an act that says so');
SELECT is(concat(current_setting('app.tenant_id'), current_setting('app.scopes'), current_setting('app.proof'), current_setting('app.scope')),
    '', 'no tenant and no proof is left');

-- Sealing goes on in the new epoch: new records, and none of those that have a leaf, whatever their numbers.
SELECT pg_temp.sealable('tap-a', 2, pg_current_xact_id()) \gset
SELECT pg_temp.as_sealer($$SELECT audit.seal_batch('tap-a', '18446744073709551615', 5000)$$) \gset
SELECT is(t.size, 3::bigint, 'the new records are sealed in it') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 2;
SELECT is(t.root, pg_temp.merkle_root(pg_temp.leaves('tap-a', 2)), 'after the statement') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 2;
SELECT is(t.sealed_xid, '9000000000'::xid8, 'those of the old cluster are passed over') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 2;
SELECT is(t.size, 5012::bigint, 'the old epoch is as it was') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 1;

-- Once more: nothing was known.
CREATE TEMPORARY TABLE again AS SELECT * FROM pg_temp.begin('failover', NULL);
SELECT results_eq($$SELECT * FROM again WHERE tenant_id = 'tap-a'$$, $$VALUES ('tap-a', 3, 2, 3::bigint, NULL::bigint)$$, 'it may be called again');
SELECT is(s.line::json ->> 'reason', 'failover', 'for another reason') FROM audit.seals AS s WHERE s.tenant_id = 'tap-a' AND s.epoch = 3 AND s.leaf_index = 0;

-- What it calls is closed.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok('SELECT audit.' || call, '42501', 'permission denied for function ' || split_part(call, '(', 1), call || ' is nobody''s to call')
FROM (VALUES ('seal_remaining(''tap-a'', '''')'), ('append_records(''tap-a'', 1, NULL)'), ('append_leaves(''tap-a'', 1, NULL)'),
    ('intact_size(''tap-a'', 1)'), ('next_to_seal(''tap-a'')'),
    ('snapshot_end(NULL)')) AS f (call);
RESET SESSION AUTHORIZATION;

-- A tree that contradicts itself is not closed as if it were whole.
UPDATE audit.trees SET root = sha256('x') WHERE tenant_id = 'tap-a' AND epoch = 3;
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok($$SELECT audit.begin_epoch('restore', NULL)$$, 'RF009', 'the tree contradicts itself', 'a tree with another root');

SELECT * FROM finish();
ROLLBACK;
