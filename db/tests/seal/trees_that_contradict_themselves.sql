-- Proves: a tree that somebody has changed is not sealed any further (RF009), whatever was changed; and the other tenants' are, however many
-- records that one has. What the caller is told is a warning: tests/store/test_seal_warnings.py hears it.

BEGIN;
SELECT plan(26);
\ir ../support/sealer.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT pg_temp.sealable('tap-a', 257, '5'), pg_temp.sealable('tap-b', 1, '5'), audit.seal_records(10000) \gset

-- What a call does after a change, which is undone: how many leaves each of the two has got, and what the caller is told.
CREATE FUNCTION pg_temp.after(p_change text, p_login text, p_others int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_told text;
BEGIN
    BEGIN
        EXECUTE p_change;
        PERFORM pg_temp.sealable('tap-a', 1, '6'), pg_temp.sealable('tap-b', p_others, '6'), set_config('app.sealed_horizon', '', false);
        PERFORM set_config('session_authorization', p_login, true);
        BEGIN
            v_told := coalesce(audit.seal_records(10000)::text, 'NULL');
        EXCEPTION WHEN OTHERS THEN
            v_told := concat_ws(' ', SQLSTATE, SQLERRM);
        END;
        RESET SESSION AUTHORIZATION;
        RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = concat_ws(', ',
            (SELECT count(l.id) FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.record_id = l.id
             WHERE l.tenant_id = 'tap-a' AND l.recorded_xid = '6'),
            (SELECT count(*) FROM audit.seals WHERE tenant_id = 'tap-b') - 1, v_told);
    EXCEPTION WHEN SQLSTATE 'TAP00' THEN
        RETURN SQLERRM;
    END;
END
$$;
SELECT is(pg_temp.after('SELECT', 'tap_sealer', 1), '1, 1, 2', 'trees that agree with themselves grow');

-- Each change is one that somebody with power over the tables could make; tap-a's tree has 257 leaves.
SELECT is(pg_temp.after(change, 'tap_sealer', 1), '0, 1, 1', said || ': that tree does not grow, the other one does')
FROM (VALUES
    ($$UPDATE audit.trees SET root = sha256('x') WHERE tenant_id = 'tap-a'$$, 'another root'),
    ($$UPDATE audit.trees SET frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1) WHERE tenant_id = 'tap-a'$$, 'another frontier'),
    ($$UPDATE audit.trees SET frontier = overlay(frontier PLACING sha256('x') FROM 1 FOR 32),
           root = audit.tree_root(overlay(frontier PLACING sha256('x') FROM 1 FOR 32)) WHERE tenant_id = 'tap-a'$$,
     'another frontier with its root'),
    ($$UPDATE audit.trees SET frontier = overlay(frontier PLACING sha256('x') FROM 33 FOR 32),
           root = audit.tree_root(overlay(frontier PLACING sha256('x') FROM 33 FOR 32)) WHERE tenant_id = 'tap-a'$$,
     'another last leaf in both'),
    ($$UPDATE audit.trees SET size = 258 WHERE tenant_id = 'tap-a'$$, 'another size'),
    ($$UPDATE audit.trees SET size = 259 WHERE tenant_id = 'tap-a'$$, 'a size with as many hashes'),
    ($$UPDATE audit.trees SET size = 1, frontier = sha256('x'), root = sha256('x') WHERE tenant_id = 'tap-a'$$, 'a tree of one leaf'),
    ($$UPDATE audit.trees SET size = 0, frontier = '', root = sha256('') WHERE tenant_id = 'tap-a'$$, 'an empty tree'),
    ($$DELETE FROM audit.seals WHERE tenant_id = 'tap-a' AND leaf_index = 256$$, 'a last leaf that is gone'),
    ($$INSERT INTO audit.seals SELECT tenant_id, epoch, 257, leaf_hash, NULL, NULL, 'x' FROM audit.seals
       WHERE tenant_id = 'tap-a' AND leaf_index = 0$$, 'a leaf more'),
    ($$UPDATE audit.seals SET leaf_hash = sha256('x') WHERE tenant_id = 'tap-a' AND leaf_index = 256$$, 'another last leaf'),
    ($$UPDATE audit.seal_nodes SET hash = sha256('x') WHERE tenant_id = 'tap-a'$$, 'another node'),
    ($$DELETE FROM audit.seal_nodes WHERE tenant_id = 'tap-a'$$, 'a node that is gone'),
    ($$SET LOCAL session_replication_role = replica; DELETE FROM audit.trees WHERE tenant_id = 'tap-a'$$, 'a tree that is gone'),
    ($$UPDATE audit.trees SET sealed_xid = '4' WHERE tenant_id = 'tap-a'$$, 'a position before records that have leaves')) AS c (change, said);

\set broken 'UPDATE audit.trees SET root = sha256(''x'') WHERE tenant_id = ''tap-a'''
SELECT is(pg_temp.after(:'broken', 'tap_sealer', 0), '0, 0, 0', 'where nothing else is due that is no error either');
SELECT is(pg_temp.after(:'broken', 'audit_app', 0), '0, 0, NULL', 'to a run-time role as little');
SELECT is(pg_temp.after(:'broken', 'audit_app', 1), '0, 1, NULL', 'whose call seals the others, too');
SELECT is(pg_temp.after($$UPDATE audit.trees SET sealed_xid = '4' WHERE tenant_id = 'tap-a'$$, 'tap_sealer', 0), '0, 0, 0',
    'a record that has a leaf is not given another');

-- Each call is over after one tenant. The turn goes on also where that one's tree is broken.
CREATE FUNCTION pg_temp.others_after_short_calls() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    UPDATE audit.trees SET root = sha256('x') WHERE tenant_id = 'tap-a';
    PERFORM pg_temp.sealable('tap-a', 5000, '6'), pg_temp.sealable('tap-b', 1, '6'), set_config('app.sealed_horizon', '', false);
    UPDATE audit.sealing_turn SET last_tenant = (SELECT coalesce(max(t.id), '') FROM audit.tenants AS t WHERE t.id < 'tap-a');
    FOR n IN 1 .. (SELECT count(*) FROM audit.tenants) LOOP
        BEGIN
            PERFORM audit.seal_records(1);
        EXCEPTION WHEN SQLSTATE 'RF009' THEN
            NULL;   -- as the session of a caller goes on after an error
        END;
    END LOOP;
    v_count := (SELECT count(*) FROM audit.seals WHERE tenant_id = 'tap-b') - 1;
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = v_count;
EXCEPTION WHEN SQLSTATE 'TAP00' THEN
    RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.others_after_short_calls(), 1::bigint, 'a broken tree with many records does not keep the others from their turn');

-- The same, asked for one tree.
CREATE FUNCTION pg_temp.size_as_owner() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.scope', 'seal', true);
    PERFORM audit.set_proven_tenant((SELECT id::text FROM audit.proof_secrets WHERE replaced_at IS NULL), 'tap-a', 'seal', '', '');
    RETURN audit.intact_size('tap-a', 1);
END
$$;
SELECT is(pg_temp.size_as_owner(), 257::bigint, 'a tree that agrees with itself has a size');
UPDATE audit.trees SET root = sha256('x') WHERE tenant_id = 'tap-a';
SELECT throws_ok('SELECT pg_temp.size_as_owner()', 'RF009', 'the tree contradicts itself', 'another has none');

-- A superuser may do all this. Nobody of ours may.
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; UPDATE audit.trees SET size = 0', login), '42501',
    'permission denied for table trees', login || ' changes no tree')
FROM (VALUES ('audit_app'), ('tap_sealer')) AS l (login);
RESET SESSION AUTHORIZATION;
SELECT throws_ok('SET LOCAL ROLE audit_owner; DELETE FROM audit.seals', '42501', 'permission denied for table seals',
    'the owner deletes no leaf');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
