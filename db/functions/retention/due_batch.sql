-- The next records of one tenant and mode whose term has ended, and which of them may go: what is sealed and not held. The one place that says
-- what is due.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.due_batch(
    p_tenant_id  text,
    p_mode       text,
    p_before     timestamptz,
    p_after_time timestamptz,
    p_after_id   uuid,
    p_limit      int,
    OUT p_seen     int,
    OUT p_time     timestamptz,
    OUT p_id       uuid,
    OUT p_held     int,
    OUT p_unsealed int,
    OUT p_ids      uuid[],
    OUT p_times    timestamptz[],
    OUT p_epochs   int[],
    OUT p_leaves   bigint[])
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
    v_ids   uuid[];
    v_times timestamptz[];
    v_held  uuid[];
BEGIN
    -- The order of the index, from its end: the oldest first.
    IF p_mode = '' THEN
        SELECT array_agg(d.id), array_agg(d.created_at), count(*), (array_agg(d.created_at ORDER BY d.created_at DESC, d.id DESC))[1],
               (array_agg(d.id ORDER BY d.created_at DESC, d.id DESC))[1]
        INTO v_ids, v_times, p_seen, p_time, p_id
        FROM (
            SELECT l.id, l.created_at FROM audit.audit_logs AS l
            WHERE l.tenant_id = p_tenant_id AND l.mode IS NULL AND l.created_at < p_before
              AND (l.created_at, l.id) > (p_after_time, p_after_id)
            ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_limit) AS d;
    ELSE
        SELECT array_agg(d.id), array_agg(d.created_at), count(*), (array_agg(d.created_at ORDER BY d.created_at DESC, d.id DESC))[1],
               (array_agg(d.id ORDER BY d.created_at DESC, d.id DESC))[1]
        INTO v_ids, v_times, p_seen, p_time, p_id
        FROM (
            SELECT l.id, l.created_at FROM audit.audit_logs AS l
            WHERE l.tenant_id = p_tenant_id AND l.mode = p_mode AND l.created_at < p_before
              AND (l.created_at, l.id) > (p_after_time, p_after_id)
            ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_limit) AS d;
    END IF;
    v_held := audit.held_records(p_tenant_id, v_ids);
    p_held := cardinality(v_held);
    IF p_held > 0 THEN
        SELECT array_agg(due.id), array_agg(due.created_at) INTO v_ids, v_times
        FROM unnest(v_ids, v_times) AS due (id, created_at)
        WHERE NOT EXISTS (SELECT FROM unnest(v_held) AS held (id) WHERE held.id = due.id);
    END IF;
    -- A record without a leaf in the tree is not sealed.
    SELECT array_agg(s.record_id), array_agg(due.created_at), array_agg(s.epoch), array_agg(s.leaf_index)
    INTO p_ids, p_times, p_epochs, p_leaves
    FROM unnest(v_ids, v_times) AS due (id, created_at)
    CROSS JOIN LATERAL (
        SELECT t.record_id, t.epoch, t.leaf_index FROM audit.seals AS t
        WHERE t.tenant_id = p_tenant_id AND t.record_id = due.id OFFSET 0) AS s;
    p_unsealed := p_seen - p_held - coalesce(cardinality(p_ids), 0);
END
$$;

COMMENT ON FUNCTION audit.due_batch IS
    'Of the tenant that is proven with the scope keep, the next p_limit records of this mode (empty: without one) with created_at before p_before, '
    'after a position, in the order of (created_at, id). p_seen: how many there are; p_time, p_id: the last of them; p_held: how many a legal '
    'hold keeps; p_unsealed: how many others wait to be sealed; p_ids, p_times, p_epochs, p_leaves: the rest, with their created_at and their leaves; '
    'NULL: none. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.due_batch FROM PUBLIC;
SET ROLE audit_owner;
