-- Proves: with a key that has a restriction the owner, as whom the functions read, sees the records that have all of its values and no other,
-- whatever a statement sets meanwhile; the other tables show nothing, and nothing is written. Each beside the key that shows the whole.

BEGIN;
SELECT plan(81);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
\ir ../support/part.sql
SELECT audit.issue_api_key('tap-a', 'tap') AS key, pg_temp.restricted('tap-a', '{"agent_id": "one"}') AS one, pg_temp.restricted('tap-a', '{"agent_id": "two"}') AS two \gset
\ir ../support/seen_as_owner.sql

-- Each value by itself, and together.
CREATE TEMPORARY TABLE part AS
    SELECT restriction, seen, pg_temp.restricted('tap-a', restriction::json) AS key FROM (VALUES
        ('{"agent_id": "one"}', '1257'), ('{"agent_id": "two"}', '3468'), ('{"agent_id": "three"}', 'nothing'),
        ('{"trace_id": "t1"}', '1358'), ('{"trace_id": "t2"}', '26'), ('{"user_id": "u1"}', '1367'), ('{"user_id": "u2"}', '258'),
        ('{"mode": "LIVE"}', '1357'), ('{"mode": "DRY_RUN"}', '268'), ('{"status": "success"}', '167'), ('{"status": "started"}', '5'),
        ('{"start_time": "2026-01-01T00:03:00Z"}', '345678'), ('{"start_time": "2026-01-01T00:03:00.000001Z"}', '45678'),
        ('{"end_time": "2026-01-01T00:03:00Z"}', '12'), ('{"end_time": "2026-01-01T00:03:00.000001Z"}', '123'),
        ('{"start_time": "2026-01-01T00:03:00Z", "end_time": "2026-01-01T00:06:00Z"}', '345'),
        ('{"start_time": "2027-01-01T00:00:00Z"}', 'nothing'), ('{"end_time": "1999-01-01T00:00:00Z"}', 'nothing'),
        ('{"agent_id": "one", "mode": "LIVE"}', '157'), ('{"agent_id": "one", "user_id": "u1"}', '17'), ('{"trace_id": "t1", "user_id": "u2"}', '58'),
        ('{"agent_id": "two", "trace_id": "t2", "user_id": "u1", "mode": "DRY_RUN", "status": "success",
           "start_time": "2026-01-01T00:06:00Z", "end_time": "2026-01-01T00:07:00Z"}', '6'),
        ('{"agent_id": "two", "status": "success", "end_time": "2026-01-01T00:06:00Z"}', 'nothing')) AS p (restriction, seen);
SELECT is(pg_temp.seen(key), seen, format('%s shows %s', restriction, seen)) FROM part;
SELECT is(pg_temp.seen(:'key'), '12345678', 'a key without a restriction shows all');
SELECT is(pg_temp.seen(pg_temp.restricted('tap-b', '{"agent_id": "one"}')), 'nothing and others', 'a part of tap-b shows nothing of tap-a');

-- The policy holds alone, and without it there is nothing.
SAVEPOINT as_it_is;
DROP POLICY owner_reads_proven_tenant ON audit.audit_logs;
SELECT is(pg_temp.seen(key), seen, format('alone: %s shows %s', restriction, seen)) FROM part;
SELECT is(pg_temp.seen(:'key'), 'nothing', 'alone: and shows nothing to a key without a restriction');
ROLLBACK TO as_it_is;
DROP POLICY owner_reads_part_of_proven_tenant ON audit.audit_logs;
SELECT is(pg_temp.seen(:'one'), 'nothing', 'without it a key with a restriction is shown nothing');
SELECT is(pg_temp.seen(:'key'), '12345678', 'and one without is shown all');
ROLLBACK TO as_it_is;
ALTER POLICY owner_reads_proven_tenant ON audit.audit_logs USING (false);
SELECT is(pg_temp.seen(:'one'), '1257', 'nor does the other policy take part in what it shows');
ROLLBACK TO as_it_is;

-- What the function sets is asked for: no function that needs another scope is shown anything.
SELECT is(pg_temp.seen(:'one', p_scope => scope), 'nothing', format('with the scope %s nothing is shown', coalesce(scope, 'of nobody')))
FROM (VALUES ('write'), ('import'), ('seal'), ('keep'), (''), (NULL)) AS s (scope);

-- Settings that change between entering and reading, and in the middle of a statement.
SELECT is(pg_temp.seen(:'one', p_sets => sets), 'nothing', format('with %s nothing is shown', sets))
FROM (VALUES ('app.restriction='), ('app.restriction={"agent_id": "two"}'), ('app.restriction={}'), ('app.tenant_id=tap-b'), ('app.scopes=read,write'), ('app.proof=')) AS s (sets);
SELECT is(pg_temp.seen(:'one', p_within => within), shown, format('with a statement that sets %s: %s', within, shown))
FROM (VALUES ('app.restriction=', 'nothing'), ('app.restriction={"mode": "DRY_RUN"}', 'nothing'), ('app.tenant_id=tap-b', 'nothing'), ('app.agent=two', '1257')) AS s (within, shown);
-- Each row that is shown sets another restriction, before the next is judged.
SELECT is(pg_temp.seen(:'one', p_each => 'app.restriction={"agent_id": "two"}'), '1257', 'a row that is shown changes nothing for the next');

-- The other tables, and writing.
CREATE FUNCTION pg_temp.acts(p_key text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_acts bigint;
BEGIN
    PERFORM audit.enter_tenant(p_key), set_config('app.scope', 'read', true), set_config('role', 'audit_owner', true);
    v_acts := (SELECT count(*) FROM audit.admin_events);
    PERFORM set_config('role', 'none', true);
    RETURN v_acts;
END
$$;
SELECT cmp_ok(pg_temp.acts(:'key'), '>', 0::bigint, 'a key without a restriction is shown the acts of its tenant');
SELECT is(pg_temp.acts(:'one'), 0::bigint, 'one with a restriction none');
GRANT SELECT ON audit.audit_logs TO audit_keyed;   -- not what it has
SET LOCAL SESSION AUTHORIZATION audit_app;
PREPARE appending AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'one');
SELECT audit.enter_tenant(:'key') \gset
SELECT is((SELECT count(*) FROM audit.audit_logs), 8::bigint, 'were it granted, audit_keyed would be shown the whole by a key without a restriction');
SAVEPOINT not_appended;
SELECT lives_ok('EXECUTE appending', 'which may append');
ROLLBACK TO not_appended;
SELECT audit.enter_tenant(:'one') \gset
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'and nothing by one with a restriction: it reads by functions alone');
SELECT throws_ok('EXECUTE appending', '42501', NULL, 'which may not append');
SELECT throws_ok($$SELECT audit.insert_audit_log('one', 'LIVE', 'success')$$, 'RF006', 'the API key has not the scope write', 'by no road');
RESET SESSION AUTHORIZATION;

-- The values are asked for once a statement, and not at all where the whole is proven. A parallel plan asks first, and sees the same.
SET LOCAL enable_bitmapscan = off;   -- as the functions that read have it: a bitmap of each policy asks for the tenant of both
SET LOCAL enable_seqscan = off;
SELECT is(pg_temp.asked(:'key'), '1 of 9', 'a key without a restriction is asked about its tenant alone');
SELECT is(pg_temp.asked(:'one'), '9 of 9', 'one with a restriction about that, and each name');
SET LOCAL enable_seqscan = on;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL seq_page_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL jit = off;
SELECT alike(pg_temp.plan(:'one'), '%Gather%', 'with workers');
SELECT is(pg_temp.seen(:'one'), '1257', 'a part is shown');
SELECT is(pg_temp.seen(:'key'), '12345678', 'and the whole');

SELECT * FROM finish();
ROLLBACK;
