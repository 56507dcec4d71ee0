-- Seals the next records of one tenant, at most p_limit. First those from before recorded_xid, by (created_at, id); then those whose
-- transaction number lies below the horizon, by (recorded_xid, id). Below the horizon every transaction has ended: no record can come
-- to stand before one that is sealed, also where a batch ends in the middle of a transaction.
--
-- The planner must not choose, as in audit.keyset_page(): each statement asks for the order of one index.

CREATE OR REPLACE FUNCTION audit.seal_batch(
    p_tenant_id   text,
    p_horizon     xid8,
    p_limit       int,
    OUT p_sealed  bigint,
    OUT p_outcome text)
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
    v_tree  record;
    v_xid   xid8;   -- of the last record
    v_id    uuid;
    v_count int;
    v_logs  audit.listed_audit_log[];
BEGIN
    p_sealed := 0;
    p_outcome := 'idle';
    -- Without a lock, which writes: most tenants have nothing new.
    SELECT t.epoch, t.history_at, t.history_id, t.sealed_xid, t.sealed_id INTO v_tree
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id ORDER BY t.epoch DESC LIMIT 1;
    IF v_tree.sealed_xid IS NOT NULL AND NOT EXISTS (
            SELECT FROM audit.audit_logs AS l
            WHERE l.tenant_id = p_tenant_id AND (l.recorded_xid, l.id) > (v_tree.sealed_xid, v_tree.sealed_id)
              AND l.recorded_xid < p_horizon) THEN
        RETURN;
    END IF;
    IF v_tree.epoch IS NULL THEN
        IF NOT EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.recorded_xid < p_horizon)
           AND NOT EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.recorded_xid IS NULL) THEN
            RETURN;
        END IF;
        PERFORM audit.begin_tree(p_tenant_id);
        v_tree.epoch := 1;
    END IF;

    p_outcome := 'locked';
    SELECT t.epoch, t.history_at, t.history_id, t.sealed_xid, t.sealed_id INTO v_tree
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = v_tree.epoch FOR UPDATE SKIP LOCKED;
    -- Another worker is at it; or the epoch has ended since it was read.
    IF NOT FOUND OR EXISTS (SELECT FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch > v_tree.epoch) THEN
        RETURN;
    END IF;
    -- Before any record is read: a tree that cannot grow must not take the time of the others.
    PERFORM audit.intact_size(p_tenant_id, v_tree.epoch);

    IF v_tree.sealed_xid IS NULL THEN
        SELECT array_agg(ROW(d.id, d.trace_id, d.tenant_id, d.agent_id, d.mode, d.status, d.http_status, d.latency_ms, d.user_id,
                             d.error, d.created_at, d.recorded_at, d.api_key_id, d.context::text)::audit.listed_audit_log
                         ORDER BY d.created_at, d.id)
        INTO v_logs
        FROM (
            SELECT l.* FROM audit.audit_logs AS l
            WHERE l.tenant_id = p_tenant_id AND l.recorded_xid IS NULL
              AND (l.created_at, l.id) > (coalesce(v_tree.history_at, '-infinity'), coalesce(v_tree.history_id, c_first))
            ORDER BY l.created_at, l.id LIMIT p_limit) AS d;
        v_count := coalesce(cardinality(v_logs), 0);
        IF v_count > 0 THEN
            PERFORM audit.append_records(p_tenant_id, v_tree.epoch, v_logs);
        END IF;
        -- No record without a number can be written any more.
        UPDATE audit.trees AS t
        SET history_at = coalesce(v_logs[v_count].created_at, t.history_at), history_id = coalesce(v_logs[v_count].id, t.history_id),
            sealed_xid = CASE WHEN v_count < p_limit THEN '0'::xid8 END, sealed_id = CASE WHEN v_count < p_limit THEN c_first END
        WHERE t.tenant_id = p_tenant_id AND t.epoch = v_tree.epoch;
        p_sealed := v_count;
        p_outcome := 'more';
        RETURN;
    END IF;

    SELECT array_agg(ROW(d.id, d.trace_id, d.tenant_id, d.agent_id, d.mode, d.status, d.http_status, d.latency_ms, d.user_id,
                         d.error, d.created_at, d.recorded_at, d.api_key_id, d.context::text)::audit.listed_audit_log
                     ORDER BY d.recorded_xid, d.id)
           -- After a restore numbers begin anew, and records that are sealed in an earlier epoch stand between the new ones. In the first
           -- epoch there is none; a record that has a leaf already is an error there, by the unique index.
           FILTER (WHERE (v_tree.epoch = 1 OR NOT EXISTS (
                SELECT FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = d.id))
               -- The functions refuse the id of a pruned record; SQL of somebody's own may take it all the same, and gets no leaf.
               AND NOT EXISTS (SELECT FROM audit.pruned_ids AS p WHERE p.id = d.id)),
           count(*), (array_agg(d.recorded_xid ORDER BY d.recorded_xid DESC, d.id DESC))[1],
           (array_agg(d.id ORDER BY d.recorded_xid DESC, d.id DESC))[1]
    INTO v_logs, v_count, v_xid, v_id
    FROM (
        SELECT l.* FROM audit.audit_logs AS l
        WHERE l.tenant_id = p_tenant_id AND (l.recorded_xid, l.id) > (v_tree.sealed_xid, v_tree.sealed_id)
          AND l.recorded_xid < p_horizon
        ORDER BY l.recorded_xid, l.id LIMIT p_limit) AS d;
    IF v_count > 0 THEN
        IF v_tree.epoch = 1 AND coalesce(cardinality(v_logs), 0) < v_count THEN
            RAISE WARNING 'a record has taken the id of one that was pruned, past the functions, and gets no leaf' USING ERRCODE = 'RF009';
        END IF;
        IF v_logs IS NOT NULL THEN
            PERFORM audit.append_records(p_tenant_id, v_tree.epoch, v_logs);
            p_sealed := cardinality(v_logs);
        END IF;
        UPDATE audit.trees AS t SET sealed_xid = v_xid, sealed_id = v_id
        WHERE t.tenant_id = p_tenant_id AND t.epoch = v_tree.epoch;
    END IF;
    p_outcome := CASE WHEN v_count < p_limit THEN 'done' ELSE 'more' END;
END
$$;

COMMENT ON FUNCTION audit.seal_batch IS
    'Seals at most p_limit records of the tenant that is proven with the scope seal: p_sealed says how many. p_outcome: idle, '
    'nothing was due; locked, another worker is at this tree; more, more may be due; done. RF009 when the tree contradicts itself. '
    'Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.seal_batch FROM PUBLIC;
