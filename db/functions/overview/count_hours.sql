-- How many records each of the newest hours has, and how many of them are failures and refusals: at most 1,000 index rows for each of the
-- three, however many there are. The planner must not choose, as in audit.keyset_page(): each statement asks for the order of one index.

CREATE OR REPLACE FUNCTION audit.count_hours(p_tenant_id text, p_hours int)
RETURNS json
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
    c_most   CONSTANT int  := 1000;
    -- The beginnings of the hours, the last of the one that is under way, and their ends. Computed here: within the query they would not be
    -- leakproof, so that row-level security would let them be no conditions of an index.
    v_begins timestamptz[] := ARRAY(
        SELECT date_trunc('hour', now(), 'UTC') - n * interval '1 hour' FROM generate_series(0, p_hours - 1) AS n);
    v_ends   timestamptz[] := ARRAY(SELECT b + interval '1 hour' FROM unnest(v_begins) AS b);
BEGIN
    RETURN (
        SELECT json_agg(json_build_object(
                   'hour', to_char(h.hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                   'records', of_all.count, 'error', of_error.count, 'denied', of_denied.count) ORDER BY h.hour)
        FROM unnest(v_begins, v_ends) AS h (hour, until)
        CROSS JOIN LATERAL (
            SELECT count(*) FROM (
                SELECT FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.created_at >= h.hour AND l.created_at < h.until
                ORDER BY l.created_at DESC, l.id DESC LIMIT c_most) AS counted) AS of_all
        CROSS JOIN LATERAL (
            SELECT count(*) FROM (
                SELECT FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.status = 'error'
                  AND l.created_at >= h.hour AND l.created_at < h.until
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT c_most) AS counted) AS of_error
        CROSS JOIN LATERAL (
            SELECT count(*) FROM (
                SELECT FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.status = 'denied'
                  AND l.created_at >= h.hour AND l.created_at < h.until
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT c_most) AS counted) AS of_denied);
END
$$;

COMMENT ON FUNCTION audit.count_hours IS
    'The newest p_hours hours of UTC as a JSON array, the oldest first, the one under way last: hour, and of records by created_at: records, '
    'error, denied. 1,000 stands for 1,000 or more. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.count_hours FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.count_hours TO audit_trusted;
