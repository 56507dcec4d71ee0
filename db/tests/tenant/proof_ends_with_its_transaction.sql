-- Proves: a proof goes with its transaction, or with the savepoint under which it was made, and a copy of it is worth nothing in a
-- later transaction. What a copy is good for is given up knowingly, as its holder had the key: to be set again after ROLLBACK TO, and
-- in a transaction that the same message begins, which has the same start. Several transactions in one session, as a pool gives them
-- out; none changes the database. (That another session cannot use a copy either is shown with the formula, and by the service's own
-- tests.)

-- What all transactions share is temporary, and committed so that it outlives each of them.
BEGIN;
SELECT plan(55);
CREATE FUNCTION pg_temp.give_tenants_records() RETURNS void LANGUAGE sql AS $$
    SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b');
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
    SELECT set_config('tap.key_of_a', audit.issue_api_key('tap-a', 'tap'), true),
           set_config('tap.key_of_b', audit.issue_api_key('tap-b', 'tap'), true)
$$;
CREATE FUNCTION pg_temp.enter(p_tenant text) RETURNS text LANGUAGE sql AS $$
    SELECT audit.enter_tenant(current_setting('tap.key_of_' || p_tenant))
$$;
-- Somebody sets what was proven before.
CREATE FUNCTION pg_temp.claim(p_tenant_id text, p_proof text) RETURNS void LANGUAGE sql AS $$
    SELECT set_config('app.tenant_id', p_tenant_id, true), set_config('app.scopes', 'read,write', true),
           set_config('app.proof', p_proof, true)
$$;
-- What the service sees of records: a list, or that it gets none.
CREATE FUNCTION pg_temp.seen() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT coalesce(string_agg(DISTINCT item ->> 'agent_id', ' '), 'an empty list')
            FROM json_array_elements(audit.list_audit_logs()::json -> 'items') AS item);
EXCEPTION WHEN SQLSTATE 'RF001' THEN
    RETURN 'nothing';
END
$$;
\ir ../support/proof.sql
CREATE FUNCTION pg_temp.left_over() RETURNS text LANGUAGE sql AS $$
    SELECT concat(current_setting('app.tenant_id', true), current_setting('app.scopes', true), current_setting('app.proof', true))
$$;
PREPARE appending AS
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    SELECT gen_random_uuid(), tenant_id, 'agent-of-' || right(tenant_id, 1) FROM current_setting('app.tenant_id') AS tenant_id;
COMMIT;

-- The first transaction proves tap-a and is rolled back.
BEGIN;
SELECT pg_temp.give_tenants_records() \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.enter('a'), 'tap-a', 'the first transaction proves tap-a');
SELECT is(pg_temp.seen(), 'agent-of-a', 'and sees it');
SELECT lives_ok('EXECUTE appending', 'and appends to it');
SELECT current_setting('app.proof') AS first_proof \gset
SELECT pg_temp.claim('tap-a', :'first_proof') \gset
SELECT is(pg_temp.seen(), 'agent-of-a', 'within it, a copy of the proof is as good as the proof');
ROLLBACK;
SELECT is(pg_temp.left_over(), '', 'afterwards the session has no tenant, no scopes and no proof');

-- The second borrower of the session has a copy.
BEGIN;
SELECT pg_temp.give_tenants_records() \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.seen(), 'nothing', 'the second transaction sees nothing');
SELECT pg_temp.claim('tap-a', :'first_proof') \gset
SELECT is(pg_temp.seen(), 'nothing', 'with a copy of the first proof neither');
SELECT throws_ok('EXECUTE appending', '42501', 'new row violates row-level security policy for table "audit_logs"',
    'nor does it append');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF001', 'no tenant is proven for this statement',
    'and list_audit_logs does not show an empty trail in place of one that it may not see');
SELECT is(pg_temp.enter('b'), 'tap-b', 'it may prove tap-b');
SELECT is(pg_temp.seen(), 'agent-of-b', 'and then sees that');
SELECT pg_temp.claim('tap-a', :'first_proof') \gset
SELECT is(pg_temp.seen(), 'nothing', 'but with the copy still nothing of tap-a');
SELECT is(pg_temp.enter('a'), 'tap-a', 'with a key of tap-a');
SELECT is(pg_temp.seen(), 'agent-of-a', 'it sees tap-a');
ROLLBACK;

-- A savepoint that is rolled back, with a copy of what was proven under it.
BEGIN;
SELECT pg_temp.give_tenants_records() \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SAVEPOINT work;
SELECT is(pg_temp.enter('a'), 'tap-a', 'under a savepoint tap-a is proven');
SELECT current_setting('app.proof') AS undone_proof \gset
SELECT is(pg_temp.seen(), 'agent-of-a', 'and seen');
ROLLBACK TO SAVEPOINT work;
SELECT is(pg_temp.seen(), 'nothing', 'rolled back, it is seen no more');
SELECT is(current_setting('app.tenant_id', true), '', 'and named no more');
SELECT pg_temp.claim('tap-a', :'undone_proof') \gset
SELECT is(pg_temp.seen(), 'agent-of-a', 'only a copy of the proof brings it back');
SELECT lives_ok('EXECUTE appending', 'and lets append');
SELECT pg_temp.claim('tap-b', :'undone_proof') \gset
SELECT is(pg_temp.seen(), 'nothing', 'but shows nothing of tap-b');
SELECT pg_temp.claim('tap-a', '') \gset
SELECT is(pg_temp.seen(), 'nothing', 'and without it tap-a is not seen');
SAVEPOINT work;
SELECT is(pg_temp.seen(), 'nothing', 'nor under another savepoint of the same name');
SELECT is(pg_temp.enter('b'), 'tap-b', 'under it tap-b is proven');
RELEASE SAVEPOINT work;
SELECT is(pg_temp.seen(), 'agent-of-b', 'released, it keeps tap-b');
SELECT lives_ok('EXECUTE appending', 'which is appended to');
SELECT current_setting('app.proof') AS kept_proof \gset
SELECT pg_temp.claim('tap-a', :'undone_proof') \gset
SELECT is(pg_temp.seen(), 'agent-of-a', 'the copy is as good beside it');
SELECT pg_temp.claim('tap-b', :'kept_proof') \gset
SELECT is(pg_temp.seen(), 'agent-of-b', 'as the proof that was kept');
ROLLBACK;
BEGIN;
SELECT pg_temp.give_tenants_records() \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT pg_temp.claim('tap-a', :'undone_proof') \gset
SELECT is(pg_temp.seen(), 'nothing', 'in the next transaction neither is: that of the savepoint');
SELECT pg_temp.claim('tap-b', :'kept_proof') \gset
SELECT is(pg_temp.seen(), 'nothing', 'and the one that was kept');
SELECT is(pg_temp.enter('b'), 'tap-b', 'where a key');
SELECT is(pg_temp.seen(), 'agent-of-b', 'opens tap-b');
ROLLBACK;

-- An outer proof and an inner one.
BEGIN;
SELECT pg_temp.give_tenants_records() \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.enter('a'), 'tap-a', 'a transaction proves tap-a');
SAVEPOINT outer_work;
SELECT is(pg_temp.seen(), 'agent-of-a', 'under a savepoint it is still proven');
SAVEPOINT inner_work;
SELECT is(pg_temp.enter('b'), 'tap-b', 'under a second one tap-b is');
RELEASE SAVEPOINT inner_work;
SELECT is(pg_temp.seen(), 'agent-of-b', 'the inner one released, tap-b stays');
SELECT current_setting('app.proof') AS undone_proof \gset
ROLLBACK TO SAVEPOINT outer_work;
SELECT is(pg_temp.seen(), 'agent-of-a', 'the outer one rolled back, tap-a is back');
SELECT lives_ok('EXECUTE appending', 'and appended to');
SELECT pg_temp.claim('tap-b', :'undone_proof') \gset
SELECT is(pg_temp.seen(), 'agent-of-b', 'a copy of what was proven under the inner one is good until the end of the transaction');
SELECT is(pg_temp.enter('a'), 'tap-a', 'tap-a is proven again');
-- A refusal that is caught, as a block with EXCEPTION catches it, rolls back in the same way.
DO $$
BEGIN
    PERFORM audit.enter_tenant(current_setting('tap.key_of_b'));
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = current_setting('app.proof');
EXCEPTION WHEN SQLSTATE 'TAP00' THEN
    PERFORM set_config('tap.proof', SQLERRM, true);
END
$$;
SELECT is(pg_temp.seen(), 'agent-of-a', 'a block that proved tap-b and failed leaves tap-a');
SELECT pg_temp.claim('tap-b', current_setting('tap.proof')) \gset
SELECT matches(current_setting('tap.proof'), '^[0-9]+:[0-9a-f]{16}:[0-9.]+:[0-9a-f]{64}$', 'and the copy of its proof');
SELECT is(pg_temp.seen(), 'agent-of-b', 'is good');
ROLLBACK;

-- A transaction that commits. Nothing may stay of this test, so its proof is made by the formula, as the superuser can.
BEGIN;
SELECT pg_temp.proof('tap-a') AS committed_proof \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT pg_temp.claim('tap-a', :'committed_proof') \gset
SELECT is(audit.proven_tenant('read'), 'tap-a', 'before COMMIT a proof holds');
COMMIT;
SELECT is(pg_temp.left_over(), '', 'COMMIT takes it from the session');
BEGIN;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT pg_temp.claim('tap-a', :'committed_proof') \gset
SELECT is(audit.proven_tenant('read'), NULL, 'and after it a copy is worth nothing');
ROLLBACK;
BEGIN;
SELECT pg_temp.give_tenants_records() \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT pg_temp.claim('tap-a', :'committed_proof') \gset
SELECT is(pg_temp.seen(), 'nothing', 'nor in a transaction that writes');
ROLLBACK;
-- Nor in the second transaction of a procedure or block, which has a start of its own.
DO $$
DECLARE
    v_proof text := pg_temp.proof('tap-a');
BEGIN
    PERFORM pg_temp.claim('tap-a', v_proof);
    PERFORM set_config('tap.first', coalesce(audit.proven_tenant('read'), 'nothing'), false);
    COMMIT;
    PERFORM pg_temp.claim('tap-a', v_proof);
    PERFORM set_config('tap.second', coalesce(audit.proven_tenant('read'), 'nothing'), false);
END
$$;
SELECT is(current_setting('tap.first'), 'tap-a', 'in the first transaction of a block a proof holds');
SELECT is(current_setting('tap.second'), 'nothing', 'in its second a copy is worth nothing');

-- Several transactions in one message: \; sends them together. They began at the same time, of the same backend.
BEGIN \; SELECT set_config('tap.proof', pg_temp.proof('tap-a'), false) IS NULL AS unset \; SET LOCAL SESSION AUTHORIZATION audit_app
\; SELECT pg_temp.claim('tap-a', current_setting('tap.proof')) \; SELECT set_config('tap.first', audit.proven_tenant('read'), false)
\; COMMIT \; BEGIN \; SET LOCAL SESSION AUTHORIZATION audit_app
\; SELECT set_config('tap.unclaimed', coalesce(audit.proven_tenant('read'), 'nothing'), false)
\; SELECT pg_temp.claim('tap-a', current_setting('tap.proof')) \; SELECT set_config('tap.second', audit.proven_tenant('read'), false)
\; SELECT pg_temp.claim('tap-b', current_setting('tap.proof'))
\; SELECT set_config('tap.other', coalesce(audit.proven_tenant('read'), 'nothing'), false) \; COMMIT \g /dev/null
SELECT is(current_setting('tap.first'), 'tap-a', 'in one message: the first transaction proves tap-a');
SELECT is(current_setting('tap.unclaimed'), 'nothing', 'nothing of it is left to the second');
SELECT is(current_setting('tap.second'), 'tap-a', 'where only a copy that is set again is good');
SELECT is(current_setting('tap.other'), 'nothing', 'and not for tap-b');
BEGIN;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT pg_temp.claim('tap-a', current_setting('tap.proof')) \gset
SELECT is(audit.proven_tenant('read'), NULL, 'in the next message it is worth nothing');
ROLLBACK;

SELECT is(pg_temp.left_over(), '', 'the session ends with nothing');
SELECT * FROM finish();
