-- Seals every record of one tenant that has no leaf, into its newest epoch, which audit.begin_epoch() is about to close. First those from
-- before recorded_xid, by (created_at, id), then the others by (recorded_xid, id), whatever number: after a restore numbers begin anew,
-- and say nothing about what has ended. Its caller has a snapshot in which nothing was under way.

CREATE OR REPLACE FUNCTION audit.seal_remaining(p_tenant_id text, p_secret_id text)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
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
    c_first CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    v_epoch int;
    v_at    timestamptz := '-infinity';
    v_xid   xid8;   -- NULL: records from before recorded_xid
    v_id    uuid := c_first;
    v_count int;
    v_logs  audit.listed_audit_log[];
BEGIN
    PERFORM audit.set_proven_tenant(p_secret_id, p_tenant_id, 'seal', '', '');
    INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at)
    SELECT p_tenant_id, 1, 0, audit.tree_root(''), '', clock_timestamp()
    WHERE NOT EXISTS (SELECT FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id);
    SELECT t.epoch INTO STRICT v_epoch
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id ORDER BY t.epoch DESC LIMIT 1 FOR UPDATE;

    LOOP
        -- A proof lasts five seconds, a tenant with millions of records longer.
        PERFORM audit.set_proven_tenant(p_secret_id, p_tenant_id, 'seal', '', '');
        IF v_xid IS NULL THEN
            SELECT array_agg(ROW(d.id, d.trace_id, d.tenant_id, d.agent_id, d.mode, d.status, d.http_status, d.latency_ms, d.user_id,
                                 d.error, d.created_at, d.recorded_at, d.api_key_id, d.context::text)::audit.listed_audit_log
                             ORDER BY d.created_at, d.id)
                   FILTER (WHERE NOT EXISTS (
                        SELECT FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = d.id)),
                   count(*), coalesce(max(d.created_at), v_at),
                   coalesce((array_agg(d.id ORDER BY d.created_at DESC, d.id DESC))[1], v_id)
            INTO v_logs, v_count, v_at, v_id
            FROM (
                SELECT l.* FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND l.recorded_xid IS NULL AND (l.created_at, l.id) > (v_at, v_id)
                ORDER BY l.created_at, l.id LIMIT 5000) AS d;
            IF v_count < 5000 THEN
                v_xid := '0';
                v_id := c_first;
            END IF;
        ELSE
            SELECT array_agg(ROW(d.id, d.trace_id, d.tenant_id, d.agent_id, d.mode, d.status, d.http_status, d.latency_ms, d.user_id,
                                 d.error, d.created_at, d.recorded_at, d.api_key_id, d.context::text)::audit.listed_audit_log
                             ORDER BY d.recorded_xid, d.id)
                   FILTER (WHERE NOT EXISTS (
                        SELECT FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = d.id)),
                   count(*), coalesce((array_agg(d.recorded_xid ORDER BY d.recorded_xid DESC, d.id DESC))[1], v_xid),
                   coalesce((array_agg(d.id ORDER BY d.recorded_xid DESC, d.id DESC))[1], v_id)
            INTO v_logs, v_count, v_xid, v_id
            FROM (
                SELECT l.* FROM audit.audit_logs AS l
                WHERE l.tenant_id = p_tenant_id AND (l.recorded_xid, l.id) > (v_xid, v_id)
                ORDER BY l.recorded_xid, l.id LIMIT 5000) AS d;
            EXIT WHEN v_count = 0;
        END IF;
        IF v_logs IS NOT NULL THEN
            PERFORM audit.append_records(p_tenant_id, v_epoch, v_logs);
        END IF;
    END LOOP;

    -- A tree that contradicts itself is not closed as if it were whole.
    PERFORM audit.intact_size(p_tenant_id, v_epoch);
    RETURN v_epoch;
END
$$;

COMMENT ON FUNCTION audit.seal_remaining IS
    'Seals what has no leaf yet of one tenant, proves that tenant with the scope seal, and returns the epoch it was sealed in. RF009 when '
    'the tree contradicts itself. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.seal_remaining FROM PUBLIC;
