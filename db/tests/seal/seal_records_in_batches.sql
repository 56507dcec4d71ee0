-- Proves: audit.seal_records() seals any number of records in batches, in one tree and in order; a short call leaves the rest to the next, and
-- each tenant has its turn, however much another one has.

BEGIN;
SELECT plan(10);
\ir ../support/sealer.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c') \gset
-- What the database had before this test.
SELECT audit.seal_records(10000) \gset

-- Another horizon each time, as if transactions had ended in between.
CREATE FUNCTION pg_temp.seal() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    PERFORM set_config('app.sealed_horizon', '', false), set_config('session_authorization', 'tap_sealer', true);
    v_count := audit.seal_records(10000);
    RESET SESSION AUTHORIZATION;
    RETURN v_count;
END
$$;

-- More than one batch, on a tree that has leaves: 5,000 of one transaction, which ends in the middle, and history likewise.
SELECT pg_temp.sealable('tap-a', 3, '10') \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.sealable('tap-a', 5001, '20'), pg_temp.sealable('tap-c', 5000, NULL), pg_temp.sealable('tap-c', 3, '5') \gset
SELECT is(pg_temp.seal(), 10004::bigint, 'more than a batch is sealed in one call');
SELECT is(t.root, pg_temp.merkle_root(pg_temp.leaves(t.tenant_id)), 'in one tree: ' || t.tenant_id)
FROM audit.trees AS t WHERE t.tenant_id IN ('tap-a', 'tap-c') ORDER BY t.tenant_id;
SELECT is_empty(
    $$SELECT FROM (SELECT s.record_id, lag(s.record_id) OVER (ORDER BY s.leaf_index) AS before FROM audit.seals AS s
                   WHERE s.tenant_id = 'tap-a' AND s.leaf_index >= 3) AS s WHERE s.record_id <= s.before$$,
    'the parts of one transaction follow each other by id');
SELECT is((SELECT l.recorded_xid FROM audit.seals AS s JOIN audit.audit_logs AS l ON l.id = s.record_id
           WHERE s.tenant_id = 'tap-c' AND s.leaf_index = 5000), '5'::xid8, 'numbered records follow when all history is sealed');
SELECT is(pg_temp.seal(), 0::bigint, 'and nothing is left');

-- Bounded: each call does a little, and each tenant has its turn, however much another one has.
SELECT pg_temp.sealable('tap-a', 20000, '30'), pg_temp.sealable('tap-b', 10, '30'), pg_temp.sealable('tap-c', 10, '30') \gset
CREATE TEMPORARY VIEW unsealed AS
    SELECT l.tenant_id, count(*) FROM audit.audit_logs AS l
    WHERE l.tenant_id LIKE 'tap-%' AND l.id NOT IN (SELECT s.record_id FROM audit.seals AS s WHERE s.record_id IS NOT NULL)
      AND l.recorded_xid <> pg_current_xact_id()
    GROUP BY l.tenant_id;
-- How many records of tap-a one of the calls has sealed at most.
CREATE FUNCTION pg_temp.short_calls(p_count int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_most   bigint := 0;
    v_before bigint;
BEGIN
    FOR n IN 1 .. p_count LOOP
        v_before := (SELECT t.size FROM audit.trees AS t WHERE t.tenant_id = 'tap-a');
        PERFORM audit.seal_records(1);
        v_most := greatest(v_most, (SELECT t.size FROM audit.trees AS t WHERE t.tenant_id = 'tap-a') - v_before);
    END LOOP;
    RETURN v_most;
END
$$;
SELECT set_config('app.sealed_horizon', '', false), pg_temp.short_calls(1) \gset
SELECT isnt_empty('SELECT FROM unsealed', 'a call that may last a millisecond leaves something to the next');
SELECT is(pg_temp.short_calls((SELECT count(*)::int FROM audit.tenants)), 5000::bigint, 'a tenant with many records has a batch, then others have their turn');
SELECT is_empty($$SELECT FROM unsealed WHERE tenant_id <> 'tap-a'$$, 'as many calls as there are tenants have sealed the few records of two');
SELECT pg_temp.seal() \gset
SELECT is_empty('SELECT FROM unsealed', 'a longer call seals all of it');

SELECT * FROM finish();
ROLLBACK;
