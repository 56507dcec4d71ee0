-- The next record of one tenant that audit.seal_batch() would seal, once its transaction is below the horizon.

CREATE OR REPLACE FUNCTION audit.next_to_seal(p_tenant_id text, OUT xid xid8, OUT recorded_at timestamptz)
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
    v_tree record;
BEGIN
    SELECT t.epoch, t.sealed_xid, t.sealed_id INTO v_tree
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id ORDER BY t.epoch DESC LIMIT 1;
    -- A number that is not given out yet is that of a record from another cluster, sealed in an earlier epoch.
    SELECT l.recorded_xid, l.recorded_at INTO xid, recorded_at
    FROM audit.audit_logs AS l
    WHERE l.tenant_id = p_tenant_id AND l.recorded_xid < pg_snapshot_xmax(pg_current_snapshot())
      AND (l.recorded_xid, l.id) > (coalesce(v_tree.sealed_xid, '0'), coalesce(v_tree.sealed_id, '00000000-0000-0000-0000-000000000000'))
      AND (coalesce(v_tree.epoch, 1) = 1 OR NOT EXISTS (
            SELECT FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = l.id))
    ORDER BY l.recorded_xid, l.id LIMIT 1;
END
$$;

COMMENT ON FUNCTION audit.next_to_seal IS
    'Number and time of the next record to be sealed of the tenant that is proven with the scope seal; NULL when none waits. Nobody but '
    'audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.next_to_seal FROM PUBLIC;
