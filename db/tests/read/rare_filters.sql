-- Proves: a list of what is rare in a large tenant, a user or a failure, reads a page's worth of blocks, not the tenant; for
-- whoever names a tenant and for whoever proves it, in both orders.

BEGIN;
SELECT plan(17);

\ir ../support/gateway.sql
CREATE ROLE tap_service LOGIN IN ROLE audit_keyed;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key \gset

-- Twenty thousand records of each tenant, in turn. Every user of tap-a is another one but for its first record.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, user_id, created_at)
SELECT ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, CASE n % 2 WHEN 0 THEN 'tap-a' ELSE 'tap-b' END, 'agent', 'LIVE',
       CASE WHEN n = 2 THEN 'denied' WHEN n % 10 = 0 THEN 'error' ELSE 'success' END,
       CASE WHEN n = 2 THEN 'jane' WHEN n % 2 = 0 THEN 'user-' || n % 100 ELSE 'jane' END,
       timestamptz '2020-01-01 00:00:00+00' + n * interval '1 second'
FROM generate_series(1, 40000) AS n;
ANALYZE audit.audit_logs;

-- Blocks of the table and of all its indexes.
CREATE FUNCTION pg_temp.blocks() RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT pg_stat_get_xact_blocks_fetched('audit.audit_logs'::regclass)
         + sum(pg_stat_get_xact_blocks_fetched(i.indexrelid)) FROM pg_index AS i WHERE i.indrelid = 'audit.audit_logs'::regclass
$$;
CREATE FUNCTION pg_temp.page(p_user_id text, p_status text, p_order text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_before bigint := pg_temp.blocks();
    v_count  text := audit.list_audit_logs(p_user_id => p_user_id, p_status => p_status, p_order => p_order)::json ->> 'count';
    v_blocks bigint := pg_temp.blocks() - v_before;
BEGIN
    RETURN concat(v_count, ' in ', CASE WHEN v_blocks BETWEEN 1 AND 120 THEN 'a page''s worth of blocks' ELSE v_blocks || ' blocks' END);
END $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, tap_service', pg_my_temp_schema()::regnamespace); END $$;
PREPARE pages AS
    SELECT is(pg_temp.page(what.user_id, what.status, o.direction), what.found || ' in a page''s worth of blocks',
              concat_ws(' ', what.said, o.direction))
    FROM (VALUES ('jane', NULL, 1, 'a user with one record'),
                 ('user-50', NULL, 50, 'a user with many'),
                 (NULL, 'denied', 1, 'one refusal among many failures'),
                 (NULL, 'error', 50, 'failures, which are many')) AS what (user_id, status, found, said)
    CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction);

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
EXECUTE pages;

SET LOCAL SESSION AUTHORIZATION tap_service;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'with a key');
EXECUTE pages;

SELECT * FROM finish();
ROLLBACK;
