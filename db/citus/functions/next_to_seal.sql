-- The next record of one tenant that audit.seal_batch() would seal. As in db/functions, but Citus does not join a shard with audit.seals, which is
-- on the coordinator: after a restore, where some records have leaves already, it looks at a thousand of them.

CREATE OR REPLACE FUNCTION audit.next_to_seal(p_tenant_id text, OUT xid xid8, OUT recorded_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_end  xid8 := pg_snapshot_xmax(pg_current_snapshot());   -- before: within the query it would be the worker's
    v_tree record;
    v_next record;
BEGIN
    SELECT t.epoch, t.sealed_xid, t.sealed_id INTO v_tree
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id ORDER BY t.epoch DESC LIMIT 1;
    FOR v_next IN
        SELECT l.id, l.recorded_xid, l.recorded_at
        FROM audit.audit_logs AS l
        WHERE l.tenant_id = p_tenant_id AND l.recorded_xid < v_end
          AND (l.recorded_xid, l.id) > (coalesce(v_tree.sealed_xid, '0'), coalesce(v_tree.sealed_id, '00000000-0000-0000-0000-000000000000'))
        ORDER BY l.recorded_xid, l.id LIMIT CASE WHEN coalesce(v_tree.epoch, 1) = 1 THEN 1 ELSE 1000 END
    LOOP
        IF coalesce(v_tree.epoch, 1) = 1 OR NOT EXISTS (
                SELECT FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = v_next.id) THEN
            xid := v_next.recorded_xid;
            recorded_at := v_next.recorded_at;
            RETURN;
        END IF;
    END LOOP;
END
$$;
