-- Proves: a record that has taken the id of a pruned one, past the functions that refuse it, gets no leaf; those before and after it do, and
-- nobody waits for it.

BEGIN;
SELECT plan(7);
\ir ../support/sealer.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT pg_temp.sealable('tap-a', 2, '5'), pg_temp.sealable('tap-a', 1, '6'), pg_temp.sealable('tap-a', 2, '7'), pg_temp.sealable('tap-b', 1, '6') \gset
INSERT INTO audit.pruned_ids SELECT id FROM audit.audit_logs WHERE tenant_id = 'tap-a' AND recorded_xid = '6';
CREATE FUNCTION pg_temp.order_of(p_tenant_id text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(l.recorded_xid::text, ' ' ORDER BY s.leaf_index) FROM audit.seals AS s JOIN audit.audit_logs AS l ON l.id = s.record_id WHERE s.tenant_id = p_tenant_id
$$;
SET LOCAL SESSION AUTHORIZATION tap_sealer;
SELECT audit.seal_records(10000) AS sealed \gset
SELECT set_config('app.sealed_horizon', '', false), seconds AS lag FROM audit.sealing_lag() \gset
SELECT audit.seal_records(10000) AS again \gset
RESET SESSION AUTHORIZATION;
SELECT cmp_ok(:'sealed'::int, '>=', 5, 'the others are sealed');
SELECT is(pg_temp.order_of('tap-a'), '5 5 7 7', 'the record has no leaf, and those around it have');
SELECT is(pg_temp.order_of('tap-b'), '6', 'nor does it stop another tenant');
SELECT is(:'lag'::text, '0', 'it is not waited for');
SELECT is(:'again'::text, '0', 'nor tried again');
SELECT results_eq($$SELECT size, sealed_xid FROM audit.trees WHERE tenant_id = 'tap-a'$$, $$VALUES (4::bigint, '7'::xid8)$$, 'the tree has gone on past it');
SELECT pg_temp.sealable('tap-a', 1, '8'), set_config('app.sealed_horizon', '', false), audit.seal_records(10000) \gset
SELECT is(pg_temp.order_of('tap-a'), '5 5 7 7 8', 'and goes on');

SELECT * FROM finish();
ROLLBACK;
