-- The next rows of a list that has one filter or none: keyset pagination over (created_at, id). Each filter has a statement and an
-- index of its own, so that a page costs its rows and one way down an index, whatever the planner believes about the table.
--
-- The planner must not choose. While statistics are missing or old, the tenant's index looks as good for a filter as the filter's own,
-- and reads the whole tenant for an agent that has become rare. So the indexes of filters have an order of their own: NULLS LAST, where
-- the tenant's index has the default. There are no NULLs, so the rows come in the same order; but each statement asks for the order
-- that one index alone has, and every other plan must sort, which is switched off. The comparisons are leakproof: row-level security
-- lets no others become conditions of an index. The policies, and tenant_id = p_tenant_id, say whose rows they are.

CREATE OR REPLACE FUNCTION audit.keyset_page(
    p_tenant_id  text,
    p_column     text,
    p_value      text,
    p_after_time timestamptz,
    p_after_id   uuid,
    p_last_time  timestamptz,
    p_last_id    uuid,
    p_rows       int,
    p_order      text)
RETURNS audit.listed_audit_log[]
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Planned once a session: every value gives the same plan.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
-- Where no index serves, a plan that is switched off looks expensive, and would be compiled before it is run.
SET jit = off
AS $$
BEGIN
    -- Two statements for each filter, since an index is read in one direction or the other.
    IF p_order = 'desc' THEN
        CASE p_column
        WHEN 'agent_id' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.agent_id = p_value
                  AND (l.created_at, l.id) < (p_after_time, p_after_id)
                  AND (l.created_at, l.id) >= (p_last_time, p_last_id)
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT p_rows);
        WHEN 'trace_id' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.trace_id = p_value
                  AND (l.created_at, l.id) < (p_after_time, p_after_id)
                  AND (l.created_at, l.id) >= (p_last_time, p_last_id)
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT p_rows);
        WHEN 'user_id' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.user_id = p_value
                  AND (l.created_at, l.id) < (p_after_time, p_after_id)
                  AND (l.created_at, l.id) >= (p_last_time, p_last_id)
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT p_rows);
        WHEN 'mode' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.mode = p_value
                  AND (l.created_at, l.id) < (p_after_time, p_after_id)
                  AND (l.created_at, l.id) >= (p_last_time, p_last_id)
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT p_rows);
        WHEN 'status' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.status = p_value
                  AND (l.created_at, l.id) < (p_after_time, p_after_id)
                  AND (l.created_at, l.id) >= (p_last_time, p_last_id)
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT p_rows);
        WHEN 'http_status' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.http_status = p_value::int
                  AND (l.created_at, l.id) < (p_after_time, p_after_id)
                  AND (l.created_at, l.id) >= (p_last_time, p_last_id)
                ORDER BY l.created_at DESC NULLS LAST, l.id DESC NULLS LAST LIMIT p_rows);
        ELSE
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id
                  AND (l.created_at, l.id) < (p_after_time, p_after_id)
                  AND (l.created_at, l.id) >= (p_last_time, p_last_id)
                ORDER BY l.created_at DESC, l.id DESC LIMIT p_rows);
        END CASE;
    ELSE
        CASE p_column
        WHEN 'agent_id' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.agent_id = p_value
                  AND (l.created_at, l.id) > (p_after_time, p_after_id)
                  AND (l.created_at, l.id) <= (p_last_time, p_last_id)
                ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_rows);
        WHEN 'trace_id' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.trace_id = p_value
                  AND (l.created_at, l.id) > (p_after_time, p_after_id)
                  AND (l.created_at, l.id) <= (p_last_time, p_last_id)
                ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_rows);
        WHEN 'user_id' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.user_id = p_value
                  AND (l.created_at, l.id) > (p_after_time, p_after_id)
                  AND (l.created_at, l.id) <= (p_last_time, p_last_id)
                ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_rows);
        WHEN 'mode' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.mode = p_value
                  AND (l.created_at, l.id) > (p_after_time, p_after_id)
                  AND (l.created_at, l.id) <= (p_last_time, p_last_id)
                ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_rows);
        WHEN 'status' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.status = p_value
                  AND (l.created_at, l.id) > (p_after_time, p_after_id)
                  AND (l.created_at, l.id) <= (p_last_time, p_last_id)
                ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_rows);
        WHEN 'http_status' THEN
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.http_status = p_value::int
                  AND (l.created_at, l.id) > (p_after_time, p_after_id)
                  AND (l.created_at, l.id) <= (p_last_time, p_last_id)
                ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_rows);
        ELSE
            RETURN ARRAY(
                SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                           l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
                FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id
                  AND (l.created_at, l.id) > (p_after_time, p_after_id)
                  AND (l.created_at, l.id) <= (p_last_time, p_last_id)
                ORDER BY l.created_at, l.id LIMIT p_rows);
        END CASE;
    END IF;
END
$$;

COMMENT ON FUNCTION audit.keyset_page IS
    'The next p_rows rows of one tenant in the order (created_at, id), beyond (p_after_time, p_after_id), up to and including '
    '(p_last_time, p_last_id), with p_value in p_column: agent_id, trace_id, user_id, mode, status or http_status; NULL: every row. '
    'Reads no row that it does not return. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.keyset_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.keyset_page TO audit_trusted;
