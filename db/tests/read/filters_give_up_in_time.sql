-- Proves: a list with several filters that find nothing, in records that take long to read, gives up before the proof of a key would expire.

BEGIN;
SELECT plan(2);

\ir ../support/gateway.sql
SELECT audit.create_tenant('tap-a') \gset
-- Twelve of one trace, none of them in the mode that is asked for.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, mode, created_at)
SELECT gen_random_uuid(), 'tap-a', CASE n WHEN 1 THEN 'slow' ELSE 'agent' END, 'trace', 'LIVE', timestamptz '2001-01-01 00:00:00+00' + interval '1 second' * n
FROM generate_series(1, 12) AS n;
-- pgTAP passes a cancellation on.
CREATE FUNCTION pg_temp.found() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN audit.list_audit_logs(p_trace_id => 'trace', p_mode => 'DRY_RUN', p_limit => 1, p_order => 'asc')::json ->> 'count';
EXCEPTION WHEN query_canceled THEN
    RETURN SQLERRM;
END $$;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.found(), '0', 'where reading takes no time a list without a record is found');
RESET SESSION AUTHORIZATION;
CREATE POLICY slow ON audit.audit_logs AS RESTRICTIVE FOR SELECT TO audit_trusted
    USING (CASE agent_id WHEN 'slow' THEN pg_sleep(4.1) IS NOT NULL ELSE true END);
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.found(), 'the filters together take too long', 'where it takes long the list gives up');

SELECT * FROM finish();
ROLLBACK;
