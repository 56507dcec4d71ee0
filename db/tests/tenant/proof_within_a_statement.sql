-- Proves: a statement that changes app.tenant_id while it runs sees no more than one that does not. It asks for the proof once, and
-- is shown rows of the tenant that was proven then, whatever it names afterwards and whichever way the server takes through the table;
-- one that asks while another tenant is named sees nothing to its end. Each is shown beside the same statement for the tenant that
-- was proven.

BEGIN;
SELECT plan(32);

-- Not what audit_keyed has. Without the grant there is nothing to show: this is about the policies, were it given one day.
GRANT SELECT ON audit.audit_logs, audit.admin_events TO audit_keyed;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
SELECT gen_random_uuid(), t.id, 'agent-of-' || right(t.id, 1) FROM (VALUES ('tap-a'), ('tap-b')) AS t (id), generate_series(1, 3);
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
-- A function that somebody offers, so cheap that the planner calls it as early as it may; it keeps what it was shown.
CREATE FUNCTION pg_temp.overhears(p_value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    PERFORM set_config('tap.overheard', concat_ws(' ', nullif(current_setting('tap.overheard', true), ''), p_value), true);
    RETURN true;
END
$$;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key of tap-a is shown');

-- The name of tap-b when the statement looks first, that of tap-a before each row is judged, and the reverse. Each counts what it is shown of tap-a, and of tap-b.
\set as_a 'WHERE set_config(''app.tenant_id'', ''tap-a'', true) IS NOT NULL'
\set by_tenant 'concat(count(*) FILTER (WHERE tenant_id = ''tap-a''), '' and '', count(*) FILTER (WHERE tenant_id = ''tap-b''))'
\set by_agent 'concat(count(*) FILTER (WHERE agent_id LIKE ''%-a''), '' and '', count(*) FILTER (WHERE agent_id LIKE ''%-b''))'
\set reading 'SELECT ' :by_agent ' FROM audit.audit_logs ' :as_a
\set as_b 'WHERE set_config(''app.tenant_id'', ''tap-b'', true) IS NOT NULL'
\set reading_as_b 'SELECT ' :by_agent ' FROM audit.audit_logs ' :as_b
\set reading_keys 'SELECT ' :by_tenant ' FROM audit.audit_logs ' :as_a
\set reading_acts 'SELECT ' :by_tenant ' FROM audit.admin_events ' :as_a
SET LOCAL jit = off;   -- which would take its time for what the settings below make look expensive

SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT is(set_config('app.tenant_id', 'tap-b', true), 'tap-b', 'tap-b is named');
SELECT is((:reading), '0 and 0', 'index: tap-b named for the index and tap-a for the proof show nothing of tap-b');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is((:reading), '3 and 0', 'index: tap-a named for both shows tap-a');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is((:reading_as_b), '3 and 0', 'index: tap-a named for the first look and tap-b after it show nothing of tap-b');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is((WITH named AS MATERIALIZED (SELECT set_config('app.tenant_id', 'tap-b', true) AS id)
    SELECT seen.* FROM named CROSS JOIN LATERAL (:reading AND named.id IS NOT NULL) AS seen), '0 and 0',
    'index, in one statement: tap-b, then tap-a');
SELECT is((WITH named AS MATERIALIZED (SELECT set_config('app.tenant_id', 'tap-a', true) AS id)
    SELECT seen.* FROM named CROSS JOIN LATERAL (:reading AND named.id IS NOT NULL) AS seen), '3 and 0',
    'index, in one statement: tap-a, then tap-a');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is((:reading_keys), '0 and 0', 'index alone: nothing of tap-b');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is((:reading_keys), '3 and 0', 'index alone: tap-a');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is((:reading_acts), '0 and 0', 'the administrative acts, by index: nothing of tap-b');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is((:reading_acts), '2 and 0', 'the administrative acts, by index: tap-a');

SELECT audit.enter_tenant(:'key_of_a') \gset
SET LOCAL enable_bitmapscan = on;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is((:reading), '0 and 0', 'bitmap: nothing of tap-b');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is((:reading), '3 and 0', 'bitmap: tap-a');

SET LOCAL enable_seqscan = on;
SET LOCAL enable_bitmapscan = off;
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is((:reading), '0 and 0', 'whole table: nothing of tap-b');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is((:reading), '3 and 0', 'whole table: tap-a');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is((:reading_as_b), '3 and 0', 'whole table: nothing of tap-b, named after the first look');
-- From the first row of tap-a on tap-b is named, and the rows of tap-a go on to be shown.
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT results_eq(
    $$SELECT agent_id FROM audit.audit_logs WHERE set_config('app.tenant_id', left('tap-b' || agent_id, 5), true) <> ''$$,
    array_fill('agent-of-a'::text, ARRAY[3]), 'whole table: tap-b named by the first row shown shows nothing of tap-b');
SELECT is(current_setting('app.tenant_id'), 'tap-b', 'though tap-b was named indeed');

-- Forms that injected SQL would take. OFFSET 0 keeps the planner from reading the table before the name is set.
SELECT is_empty(
    $$WITH switched AS MATERIALIZED (SELECT set_config('app.tenant_id', 'tap-b', true) AS id)
      SELECT l.agent_id FROM switched
      CROSS JOIN LATERAL (SELECT * FROM audit.audit_logs WHERE tenant_id = switched.id OFFSET 0) AS l$$,
    'a WITH that names tap-b shows nothing');
SELECT results_eq(
    $$WITH switched AS MATERIALIZED (SELECT set_config('app.tenant_id', 'tap-a', true) AS id)
      SELECT DISTINCT l.agent_id FROM switched
      CROSS JOIN LATERAL (SELECT * FROM audit.audit_logs WHERE tenant_id = switched.id OFFSET 0) AS l$$,
    ARRAY['agent-of-a'], 'the same WITH for tap-a shows tap-a');
PREPARE joining (text[]) AS
    SELECT t.position, l.agent_id, count(*) FROM unnest($1) WITH ORDINALITY AS t (id, position)
    CROSS JOIN LATERAL (SELECT set_config('app.tenant_id', t.id, true) AS tenant_id) AS named
    CROSS JOIN LATERAL (SELECT agent_id FROM audit.audit_logs WHERE tenant_id = named.tenant_id OFFSET 0) AS l
    GROUP BY 1, 2 ORDER BY 1, 2;
SELECT results_eq($$EXECUTE joining ('{tap-a,tap-b,tap-a}')$$,
    $$VALUES (1::bigint, 'agent-of-a', 3::bigint), (3, 'agent-of-a', 3)$$,
    'a join that names one tenant after the other shows tap-a alone');
SELECT is_empty($$EXECUTE joining ('{tap-b,tap-a,tap-b,tap-a}')$$, 'and nothing at all, when it asks while tap-b is named');
SELECT results_eq($$EXECUTE joining ('{tap-a}')$$, $$VALUES (1::bigint, 'agent-of-a', 3::bigint)$$, 'the next execution asks again');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT lives_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    SELECT gen_random_uuid(), t.id, set_config('app.tenant_id', t.id, true)
    FROM (VALUES ('tap-a')) AS t (id)$$,
    'an INSERT that names tap-a before its row is accepted');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    SELECT gen_random_uuid(), t.id, set_config('app.tenant_id', t.id, true)
    FROM (VALUES ('tap-a'), ('tap-b')) AS t (id)$$, '42501', NULL,
    'one that names tap-b before its row is refused');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    SELECT gen_random_uuid(), 'tap-a', set_config('app.tenant_id', t.id, true)
    FROM (VALUES ('tap-b'), ('tap-a')) AS t (id)$$, '42501', NULL,
    'as is one that asks while tap-b is named, whatever its rows are');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    VALUES (gen_random_uuid(), 'tap-b', 'forged') RETURNING set_config('app.tenant_id', 'tap-b', true)$$, '42501', NULL,
    'nor does it help to name it afterwards');

-- A function of the statement's own is shown no row that the statement is not.
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE pg_temp.overhears(tenant_id)), 4::bigint, 'a function is shown each row');
SELECT is((SELECT string_agg(DISTINCT word, ' ') FROM regexp_split_to_table(current_setting('tap.overheard', true), ' ') AS word),
    'tap-a', 'of tap-a');
SELECT set_config('app.tenant_id', 'tap-b', true), set_config('tap.overheard', '', true) \gset
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE pg_temp.overhears(tenant_id)), 0::bigint, 'with tap-b named it sees none');
SELECT is(current_setting('tap.overheard'), '', 'not even before the policies do');

RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-b'), 3::bigint, 'the three records of tap-b are there');

SELECT * FROM finish();
ROLLBACK;
