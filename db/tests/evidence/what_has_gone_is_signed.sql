-- Proves: no evidence bundle is begun, whole or of a window, by name or with a key, while the statement of a prune or an erasure is behind its end: it would
-- show that something has gone, and not what was stated. Once a checkpoint covers the statement it is. Nothing else that is not signed is in the way.

BEGIN;
SELECT plan(16);
\ir ../support/kept.sql
\ir ../support/signer.sql
\ir ../support/gateway.sql
\ir ../support/trees.sql
\ir ../support/answer.sql
\ir ../support/bundle.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.set_retention('tap-a', 200, NULL), audit.set_retention('tap-b', 200, NULL) \gset
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;
SELECT pg_temp.kept('tap-a', 1, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.kept('tap-a', 2, 'LIVE', now(), 'jane'), pg_temp.kept('tap-a', 3, 'LIVE', now(), 'john'),
       pg_temp.kept('tap-b', 1, 'LIVE', '2020-01-01 00:00:00+00') \gset
-- The other tree is the larger one, so that its statement lies beyond the end of this one's bundles.
SELECT count(pg_temp.kept('tap-b', n, 'LIVE', now())) FROM generate_series(2, 20) AS n \gset
SELECT pg_temp.seal(), pg_temp.sign('tap-a'), pg_temp.sign('tap-b') \gset
-- How a whole bundle begins, and one of a window: as its last epoch and its size, or how it is refused.
CREATE FUNCTION pg_temp.begun(p_start_time text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.answer(format(
        'concat(e.state #>> ''{epochs,-1,epoch}'', '' '', e.state #>> ''{epochs,-1,size}'') FROM audit.begin_evidence(%L, NULL) AS e (state)', p_start_time))
$$;
CREATE FUNCTION pg_temp.begun_by_name(p_start_time text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_answer text;
BEGIN
    PERFORM set_config('session_authorization', 'tap_gateway', true);
    PERFORM audit.set_tenant('tap-a');
    v_answer := pg_temp.begun(p_start_time);
    RESET SESSION AUTHORIZATION;
    RETURN v_answer;
END
$$;
CREATE FUNCTION pg_temp.begun_with(p_key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_answer text;
BEGIN
    PERFORM set_config('session_authorization', 'audit_app', true);
    PERFORM audit.enter_tenant(p_key);
    v_answer := pg_temp.begun();
    RESET SESSION AUTHORIZATION;
    RETURN v_answer;
END
$$;
\set refused 'RF010|not sealed yet: what has gone since the newest checkpoint is not signed yet, try again in some seconds'

SELECT is(pg_temp.begun_by_name(), '1 3', 'a bundle of what is signed begins');
SELECT pg_temp.kept('tap-a', 4, 'LIVE', now()), pg_temp.seal() \gset
SELECT is(pg_temp.begun_by_name(), '1 3', 'also where more records are sealed');

SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '2', 'a record of each tenant is pruned');
SELECT is(pg_temp.begun_by_name(), :'refused', 'and none begins until that is signed');
SELECT is(pg_temp.begun_by_name('2025-01-01 00:00:00+00'), :'refused', 'nor of a window');
SELECT is(pg_temp.begun_with(:'key'), :'refused', 'nor with a key');
SELECT pg_temp.sign('tap-a', 1, 4) \gset
SELECT is(pg_temp.begun_by_name(), :'refused', 'nor where a checkpoint ends before the statement');
SELECT pg_temp.sign('tap-a') \gset
SELECT is(pg_temp.begun_by_name(), '1 5', 'one that covers it lets it begin');
SELECT is(pg_temp.begun_by_name('2025-01-01 00:00:00+00'), '1 5', 'of a window too');
SELECT is(pg_temp.begun_with(:'key'), '1 5', 'and with a key');
-- As the superuser, from whom no policy hides the statement of the other tenant.
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.begun(), '1 5', 'that of another tenant is not in the way');
SELECT audit.leave_tenant() \gset

SELECT pg_temp.as_eraser('erased FROM audit.erase_user(''tap-a'', ''jane'', ''request'')') \gset
SELECT is(pg_temp.begun_by_name(), :'refused', 'nor does one begin after an erasure');
SELECT pg_temp.sign('tap-a') \gset
SELECT is(pg_temp.begun_by_name(), '1 6', 'until it is signed');

-- Statements are in the newest epoch, whether it has a checkpoint yet or not.
SELECT pg_temp.grow('tap-a', 2, 1) \gset
UPDATE audit.seals SET line = '{"version":1,"kind":"epoch","tenant_id":"tap-a"}' WHERE tenant_id = 'tap-a' AND epoch = 2;
SELECT is(pg_temp.begun_by_name(), '1 6', 'a statement that an epoch has begun is not in the way');
INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line)
SELECT 'tap-a', 2, 1, sha256(''), audit.gone_leaf_line('erase', 'tap-a', 1, ARRAY[2], NULL, NULL, NULL, NULL, now());
SELECT is(pg_temp.begun_by_name(), :'refused', 'one of an erasure in it is');
UPDATE audit.seals SET line = 'leaf 1' WHERE tenant_id = 'tap-a' AND epoch = 2 AND leaf_index = 1;
SELECT is(pg_temp.begun_by_name(), '1 6', 'a leaf that states nothing is not');

SELECT * FROM finish();
ROLLBACK;
