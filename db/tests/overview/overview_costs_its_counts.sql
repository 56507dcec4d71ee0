-- Proves: an overview reads a block for each record that it counts, and few besides, however many records, leaves, keys and holds there are:
-- by name and by key; with no statistics, with statistics of other tables, and with those of these.

BEGIN;
SELECT plan(5);

\ir ../support/gateway.sql
CREATE ROLE tap_service LOGIN IN ROLE audit_keyed;
SELECT audit.create_tenant('tap-large'), audit.create_tenant('tap-small') \gset
SELECT audit.issue_api_key('tap-large', 'tap') AS large_key \gset
SELECT date_trunc('hour', now(), 'UTC') AS hour \gset

-- 60,000 records of two tenants in turn. Of the large one 10,000 lie in this hour, half of them failures, 10 in the hour before, and the others
-- long ago; each has a leaf, but the newest fifty. 20,000 keys and holds, of which the large tenant has every thousandth.
CREATE FUNCTION pg_temp.fill(p_hour timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, created_at)
    SELECT md5('record ' || n)::uuid, CASE n % 2 WHEN 0 THEN 'tap-large' ELSE 'tap-small' END, 'agent', 'LIVE',
           CASE WHEN n % 4 = 0 THEN 'error' WHEN n % 20000 = 2 THEN 'denied' ELSE 'success' END,
           CASE WHEN n > 40000 THEN p_hour + n * interval '1 microsecond' WHEN n > 39980 THEN p_hour - interval '30 minutes'
                ELSE timestamptz '2020-01-01 00:00:00+00' + n * interval '1 second' END
    FROM generate_series(1, 60000) AS n;
    INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at)
    SELECT t.id, 1, 29950, sha256(''), '', now() FROM (VALUES ('tap-large'), ('tap-small')) AS t (id);
    INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, record_id, salt)
    SELECT CASE n % 2 WHEN 0 THEN 'tap-large' ELSE 'tap-small' END, 1, n / 2, sha256(''), md5('record ' || n)::uuid, sha256('')
    FROM generate_series(1, 59900) AS n;
    INSERT INTO audit.api_keys (id, tenant_id, label, scopes, secret_sha256, created_at, spool_inner_key, spool_outer_key, spool_key_source)
    SELECT lpad(to_hex(n), 16, '0'), CASE n % 1000 WHEN 0 THEN 'tap-large' ELSE 'tap-small' END, 'key', ARRAY['read'], sha256(''), now(),
           sha256('') || sha256(''), sha256('') || sha256(''), 'secret'
    FROM generate_series(1, 20000) AS n;
    INSERT INTO audit.api_key_uses (api_key_id) SELECT lpad(to_hex(n), 16, '0') FROM generate_series(1, 20000) AS n;
    INSERT INTO audit.legal_holds (id, tenant_id, reason, reference, placed_by, placed_at)
    SELECT md5('hold ' || n)::uuid, CASE n % 1000 WHEN 0 THEN 'tap-large' ELSE 'tap-small' END, 'reason', 'reference', 'tap', now()
    FROM generate_series(1, 20000) AS n
$$;
CREATE TEMPORARY TABLE filled AS
    SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r'
      AND c.relname IN ('audit_logs', 'seals', 'trees', 'checkpoints', 'api_keys', 'api_key_uses', 'legal_holds', 'retention');
-- Buffers of these tables and of all their indexes.
CREATE FUNCTION pg_temp.buffers(p_table regclass DEFAULT NULL) RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT sum(pg_stat_get_xact_blocks_fetched(f.oid) + coalesce((
        SELECT sum(pg_stat_get_xact_blocks_fetched(i.indexrelid)) FROM pg_index AS i WHERE i.indrelid = f.oid), 0))
    FROM filled AS f WHERE p_table IS NULL OR f.oid = p_table
$$;
-- What the overview of three hours tells, and whether it read more than p_most blocks.
CREATE FUNCTION pg_temp.overview(p_most int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_before bigint := pg_temp.buffers();
    v_found  json   := audit.summarize_audit_logs(3);
    v_read   bigint := pg_temp.buffers() - v_before;
BEGIN
    RETURN concat(
        (SELECT string_agg(concat_ws(' ', h ->> 'records', h ->> 'error', h ->> 'denied'), ', ') FROM json_array_elements(v_found -> 'hours') AS h),
        ' waiting ', v_found #>> '{sealing,waiting}', ' keys ', json_array_length(v_found -> 'api_keys'), ' holds ', json_array_length(v_found -> 'holds'),
        CASE WHEN v_read BETWEEN 1 AND p_most THEN ' for few' ELSE format(' for %s blocks', v_read) END);
END $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, tap_service', pg_my_temp_schema()::regnamespace); END $$;
-- 2,015 records, 400 blocks for the leaves of a hundred records and for a hundred failed searches of an index, 200 for keys and holds.
\set expected '0 0 0, 10 5 0, 1000 1000 1 waiting 50 keys 21 holds 20 for few'
\set most 700

-- Statistics of other tables: a tenant has nearly all records, all failures of this hour, and all holds, or one leaf and one key of thousands.
TRUNCATE audit.audit_logs, audit.seals, audit.legal_holds, audit.checkpoints, audit.trees CASCADE;
SET LOCAL session_replication_role = replica;   -- the foreign keys are asked for nothing
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, created_at)
SELECT gen_random_uuid(), 'tap-large', 'agent', 'LIVE', 'denied', now() - n * interval '1 second' FROM generate_series(1, 1000) AS n;
INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, record_id, salt)
SELECT 'tap-' || n, 1, n, sha256(''), gen_random_uuid(), sha256('') FROM generate_series(1, 10000) AS n;
INSERT INTO audit.legal_holds (id, tenant_id, reason, reference, placed_by, placed_at)
SELECT gen_random_uuid(), 'tap-large', 'reason', 'reference', 'tap', now() FROM generate_series(1, 1000) AS n;
ANALYZE audit.audit_logs, audit.seals, audit.trees, audit.api_keys, audit.api_key_uses, audit.legal_holds;
TRUNCATE audit.audit_logs, audit.seals, audit.legal_holds;
SELECT pg_temp.fill(:'hour') \gset
SET LOCAL session_replication_role = origin;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-large') \gset
SELECT pg_temp.overview(0) \gset
SELECT is(pg_temp.overview(:most), :'expected', 'statistics of other tables');
SELECT audit.set_tenant('tap-small') \gset
SELECT is(pg_temp.overview(:most + 400), '0 0 0, 10 0 0, 1000 0 0 waiting 50 keys 100 holds 100 for few', 'of the other tenant');
RESET SESSION AUTHORIZATION;

-- No statistics.
DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM filled);
UPDATE pg_class SET reltuples = -1, relpages = 0
WHERE oid IN (SELECT oid FROM filled) OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM filled));
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-large') \gset
SELECT pg_temp.overview(0) \gset
SELECT is(pg_temp.overview(:most), :'expected', 'no statistics');
SET LOCAL SESSION AUTHORIZATION tap_service;
SELECT audit.enter_tenant(:'large_key') \gset
SELECT pg_temp.overview(0) \gset
SELECT audit.enter_tenant(:'large_key') \gset
SELECT is(pg_temp.overview(:most), :'expected', 'with a key');
RESET SESSION AUTHORIZATION;

-- True statistics.
ANALYZE audit.audit_logs, audit.seals, audit.trees, audit.api_keys, audit.api_key_uses, audit.legal_holds;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT set_config('app.scopes', '', true), audit.set_tenant('tap-large') \gset
SELECT pg_temp.overview(0) \gset
SELECT is(pg_temp.overview(:most), :'expected', 'statistics');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
