-- Proves: under row-level security the policy's comparison becomes a condition of the index, and so do the comparisons of a
-- caller's filters. A policy in another form, or an operator that could leak what it compares, would read every record of
-- every tenant and filter afterwards.

BEGIN;
SELECT plan(17);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

CREATE FUNCTION pg_temp.plan_of(p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_line text;
    v_plan text := '';
BEGIN
    FOR v_line IN EXECUTE 'EXPLAIN ' || p_query LOOP
        v_plan := v_plan || v_line || E'\n';
    END LOOP;
    RETURN replace(v_plan, '(InitPlan 1).col1', '$0');   -- from PostgreSQL 17 on it has this name
END
$$;
-- Few records would be read whole, whatever the indexes.
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL timezone = 'UTC';
SET LOCAL jit = off;   -- which would take its time for what these settings make look expensive
-- As if never analysed: with statistics that do not know the tenant each index costs the same, since none has a row to give. And empty: what
-- other tests have left in an index until VACUUM comes by makes it look larger than its neighbour.
TRUNCATE audit.audit_logs, audit.admin_events;
DELETE FROM pg_statistic WHERE starelid IN ('audit.audit_logs'::regclass, 'audit.admin_events'::regclass);
UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid IN ('audit.audit_logs'::regclass, 'audit.admin_events'::regclass);
SELECT audit.create_tenant('tap-a') \gset
SET LOCAL app.tenant_id = 'tap-a';
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
-- Not what audit_keyed has: its policies should serve it well if it had.
GRANT SELECT ON audit.audit_logs, audit.admin_events TO audit_keyed;
SET LOCAL SESSION AUTHORIZATION tap_gateway;

SELECT alike(pg_temp.plan_of('SELECT agent_id, error FROM audit.audit_logs'),
    '%Index Scan using audit_logs_tenant_id_%'
    'Index Cond: (tenant_id = current_setting(''app.tenant_id''::text, true))%',
    'a plain SELECT reads the tenant''s part of the index');
SELECT alike(pg_temp.plan_of('SELECT * FROM audit.tenants'),
    '%Index Scan using tenants_pkey%Index Cond: (id = current_setting(''app.tenant_id''::text, true))%',
    'the register too');
SELECT alike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs ORDER BY created_at DESC LIMIT 50$$),
    '%Limit%Index Scan using audit_logs_tenant_id_created_at_id_idx%Index Cond: (tenant_id = %',
    'the newest page comes from the index');
SELECT unalike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE tenant_id = 'tap-a' ORDER BY created_at DESC LIMIT 50$$),
    '%Sort%',
    'in its order, without sorting the tenant');
SELECT alike(
    pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs
        WHERE created_at >= timestamptz '2001-01-01 00:00:00+00' AND created_at < timestamptz '2001-01-02 00:00:00+00'$$),
    '%Index Cond: ((tenant_id = %) AND (created_at >= %) AND (created_at < %', 'a window of time is a condition of the index');
-- A naive time is compared by a function that depends on the session's zone and is not proven to leak nothing.
SELECT alike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE created_at >= timestamp '2001-01-01 00:00:00'$$),
    '%Index Cond: (tenant_id = current_setting(%))%Filter: (created_at >= %',
    'a window without a zone is not: hence timestamptz everywhere');

-- With a key the index is read for the tenant that is proven, once it is known to be the one that is named. $0 is the proof, which a
-- statement asks for once.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'with a key of tap-a');
SELECT alike(pg_temp.plan_of('VERBOSE SELECT agent_id, error FROM audit.audit_logs'),
    '%One-Time Filter: (current_setting(''app.tenant_id''::text, true) = $0)%InitPlan 1%Output: audit.proven_tenant(''read''::text)%'
    'Index Scan using audit_logs_tenant_id_%Index Cond: (audit_logs.tenant_id = $0)%',
    'a plain SELECT reads the tenant''s part of the index');
SELECT alike(pg_temp.plan_of('VERBOSE SELECT * FROM audit.admin_events'),
    '%One-Time Filter: (current_setting(''app.tenant_id''::text, true) = $0)%InitPlan 1%Output: audit.proven_tenant(''read''::text)%'
    'Index Scan using admin_events_tenant_id_%Index Cond: (admin_events.tenant_id = $0)%',
    'the administrative acts too');
SELECT unalike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE tenant_id = 'tap-a' ORDER BY created_at DESC LIMIT 50$$),
    '%Sort%', 'the newest page comes from the index in its order');
SELECT alike(
    pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE created_at >= timestamptz '2001-01-01 00:00:00+00'$$),
    '%Index Cond: ((tenant_id = %) AND (created_at >= %', 'a window of time is a condition of the index');

-- As the functions read that go on as the owner. It reads for keys that show the whole tenant or a part of it: what the two policies have in
-- common is the condition of the index, and which of them holds is asked of its rows.
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_owner;
SELECT alike(pg_temp.plan_of('VERBOSE SELECT agent_id, error FROM audit.audit_logs'),
    '%Index Scan using audit_logs_tenant_id_%Index Cond: (audit_logs.tenant_id = current_setting(''app.tenant_id''::text, true))%'
    'Filter: ((audit_logs.tenant_id = $0) OR (%InitPlan 1%Output: audit.proven_tenant(current_setting(''app.scope''::text, true))%InitPlan 2%',
    'the owner too');
-- The owner reads acts for administrators as well, so the condition of the index is the tenant that the function itself names.
SELECT alike(pg_temp.plan_of($$SELECT * FROM audit.admin_events WHERE tenant_id = 'tap-a' ORDER BY created_at DESC NULLS LAST, id DESC$$),
    'Index Scan using admin_events_tenant_id_created_at_id_idx%Index Cond: (tenant_id = ''tap-a''::text)%',
    'and the tenant''s acts in the order of theirs');
SELECT unalike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE tenant_id = 'tap-a' ORDER BY created_at DESC LIMIT 50$$),
    '%Sort%', 'and the newest page in the order of the index');
RESET ROLE;

-- With the tenant's indexes out of the way, the planner has no other choice than to tell whether it may use the others.
RESET SESSION AUTHORIZATION;
DO $$
DECLARE
    v_index regclass;
BEGIN
    FOR v_index IN
        SELECT i.indexrelid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'audit.audit_logs'::regclass AND c.relname LIKE 'audit\_logs\_tenant\_id\_%'
    LOOP
        EXECUTE format('DROP INDEX %s', v_index);
    END LOOP;
END
$$;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT alike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE id = '01900000-0000-7000-8000-00000000000a'$$),
    '%Index Scan using audit_logs_pkey%Index Cond: (id = %', 'a record is found by its id');
SELECT alike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE trace_id = 'trace'$$),
    '%Index Scan using audit_logs_trace_id_tenant_id_created_at_id_idx%Index Cond: ((trace_id = %) AND (tenant_id = %', 'the records of a trace are found by it');
SELECT alike(pg_temp.plan_of($$SELECT agent_id, error FROM audit.audit_logs WHERE agent_id = 'agent' AND created_at < now()$$),
    '%Index Scan using audit_logs_agent_id_created_at_idx%Index Cond: ((agent_id = %) AND (created_at < %',
    'the records of an agent by it and their time');

SELECT * FROM finish();
ROLLBACK;
