-- Proves: where the server reads a table with parallel workers, the proof is made and checked by the leader, and every row of its tenant
-- is there. A worker is another backend: a proof that it checked would not be genuine, and its rows would be missing without an error.

BEGIN;
SELECT plan(16);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
SELECT gen_random_uuid(), t.id, 'agent-of-' || right(t.id, 1), timestamptz '2001-01-01 00:00:00+00' + n * interval '1 second'
FROM (VALUES ('tap-a'), ('tap-b')) AS t (id), generate_series(1, 300) AS n;
ANALYZE audit.audit_logs;
CREATE FUNCTION pg_temp.plan_of(p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || p_query INTO v_plan;
    RETURN v_plan;
END
$$;
\set counting 'SELECT count(*) AS rows, count(*) FILTER (WHERE agent_id = ''agent-of-a'') AS own FROM audit.audit_logs'

-- Nothing is too small for workers, and no index is in their way; debug_parallel_query has them do all there is.
SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS debugging \gset
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL seq_page_cost = 0;   -- workers do not share it: in a table with the dead rows of other tests they would hardly save anything
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL min_parallel_index_scan_size = 0;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL jit = off;
SET LOCAL :debugging = on;

-- The functions that read go on as the owner.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') AS entered, audit.proven_tenant('read') AS proven \gset
SELECT audit.list_audit_logs(p_limit => 1000)::json AS list, audit.list_admin_events()::json AS acts \gset
SELECT audit.continue_export('{"format": "ndjson", "order": "asc", "count": 0}') \gset
SELECT string_agg(convert_from(lines, 'UTF8'), '') AS exported FROM audit.export_audit_logs() \gset
SELECT is(:'entered'::text, 'tap-a', 'a key opens its tenant');
SELECT is(:'proven'::text, 'tap-a', 'which is proven');
SELECT is(:'list'::json ->> 'count', '300', 'a list has every record');
SELECT is(json_array_length(:'acts'::json -> 'items'), 2, 'a list of acts every act');
SELECT alike(:'exported'::text, E'%{"complete": true, "count": 300}\n', 'an export every record');
SELECT unalike(:'list'::text, '%tap-b%', 'none of another tenant is listed');
SELECT unalike(:'exported'::text, '%tap-b%', 'or exported');
SELECT is(audit.insert_audit_log('agent-of-a', 'LIVE', 'success') IS NOT NULL, true, 'and a record is appended');
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_owner;
SET LOCAL app.scope = 'read';
SELECT alike(pg_temp.plan_of(:'counting'), '%"Gather"%"Parallel Aware": true%', 'the owner reads with workers indeed');
:counting \gset
SELECT is(ARRAY[:rows, :own], ARRAY[301, 301], 'every record of the tenant is there, and no other');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
:counting \gset
SELECT is(:rows, 0, 'with another tenant named none is');
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.proof', '', true) \gset
:counting \gset
SELECT is(:rows, 0, 'nor without a proof');
RESET ROLE;

-- Where sub-selects are no choice, as with Citus, the proof is asked for each row: by the leader, which then reads alone.
ALTER POLICY owner_reads_proven_tenant ON audit.audit_logs USING (tenant_id = current_setting('app.tenant_id', true)
    AND tenant_id = audit.proven_tenant(current_setting('app.scope', true)));
SET LOCAL :debugging = off;
SET LOCAL min_parallel_table_scan_size = '1GB';   -- workers for the records alone, not for the secret, which is read for each of them
ALTER TABLE audit.audit_logs SET (parallel_workers = 2);
DISCARD PLANS;
SELECT audit.enter_tenant(:'key_of_a') \gset
SET LOCAL ROLE audit_owner;
SELECT unalike(pg_temp.plan_of(:'counting'), '%"Gather"%', 'with the bare call the owner reads without workers');
:counting \gset
SELECT is(ARRAY[:rows, :own], ARRAY[301, 301], 'every record is there too');
-- As it would be, were the functions promised to be safe in a worker.
RESET ROLE;
ALTER FUNCTION audit.proven_tenant PARALLEL SAFE;
ALTER FUNCTION audit.tenant_proof PARALLEL SAFE;
ALTER FUNCTION audit.transaction_identity PARALLEL SAFE;
SET LOCAL ROLE audit_owner;
SET LOCAL parallel_leader_participation = off;
SELECT alike(pg_temp.plan_of(:'counting'), '%"Gather"%', 'were they PARALLEL SAFE, workers would check the proof');
:counting \gset
SELECT is(:rows, 0, 'and every row be missing');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
