-- Prunes the next due records of one tenant and mode, and moves the pass on: it goes over what is held or not sealed, and the next pass comes to
-- those again.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.prune_batch(
    p_tenant_id text,
    p_mode      text,
    p_before    timestamptz,
    p_limit     int,
    OUT p_seen    int,
    OUT p_epochs  int[],
    OUT p_leaves  bigint[],
    OUT p_times   timestamptz[])
RETURNS record
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
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
    v_pass  record;
    v_due   record;
    v_part  record;
    v_tile  record;
    v_began timestamptz := clock_timestamp();   -- of the steps after which it rests
    -- Leaves that are far apart take many steps: no sealing of any tenant shall wait for the rests, nor a proof of five seconds end in one.
    v_until timestamptz := v_began + interval '500 ms';
BEGIN
    SELECT r.pass_time, r.pass_id INTO v_pass
    FROM audit.retention AS r WHERE r.tenant_id = p_tenant_id AND r.pass_mode = p_mode FOR UPDATE;
    v_due := audit.due_batch(p_tenant_id, p_mode, p_before, coalesce(v_pass.pass_time, '-infinity'),
                             coalesce(v_pass.pass_id, '00000000-0000-0000-0000-000000000000'), p_limit);
    p_seen := v_due.p_seen;
    p_epochs := v_due.p_epochs;
    p_leaves := v_due.p_leaves;
    p_times := v_due.p_times;
    IF p_seen = 0 THEN
        RETURN;
    END IF;
    UPDATE audit.retention AS r SET pass_mode = p_mode, pass_time = v_due.p_time, pass_id = v_due.p_id WHERE r.tenant_id = p_tenant_id;
    IF v_due.p_ids IS NULL THEN
        RETURN;
    END IF;

    -- In short lists between two places of the list: where the planner takes the tenant for small, it goes through all records between them.
    FOR v_part IN
        SELECT array_agg(due.id ORDER BY due.number) AS ids, min(due.created_at) AS first, max(due.created_at) AS last
        FROM (
            SELECT given.id, given.created_at, row_number() OVER (ORDER BY given.created_at, given.id) AS number
            FROM unnest(v_due.p_ids, p_times) AS given (id, created_at)) AS due
        GROUP BY (due.number - 1) / 250
    LOOP
        DELETE FROM audit.audit_logs AS l
        WHERE l.tenant_id = p_tenant_id AND l.id = ANY (v_part.ids)
          AND (l.created_at, l.id) >= (v_part.first, v_part.ids[1]) AND (l.created_at, l.id) <= (v_part.last, v_part.ids[cardinality(v_part.ids)]);
        v_began := audit.rest_after(v_began, v_until);
    END LOOP;
    -- First, so that what is deleted is not changed before.
    PERFORM audit.fold_tiles(p_tenant_id, p_epochs, p_leaves);
    v_began := audit.rest_after(v_began, v_until);
    -- Tile by tile, by bounds and a list: a join would go through all leaves of a tenant that the planner takes for small, and a long list
    -- is searched from its start for each leaf between its bounds.
    FOR v_tile IN
        SELECT leaf.epoch, array_agg(leaf.index) AS leaves, min(leaf.index) AS first, max(leaf.index) AS last
        FROM unnest(p_epochs, p_leaves) AS leaf (epoch, index) GROUP BY leaf.epoch, leaf.index >> 8
    LOOP
        UPDATE audit.seals AS s SET record_id = NULL, salt = NULL, private_sha256 = NULL
        WHERE s.tenant_id = p_tenant_id AND s.epoch = v_tile.epoch AND s.leaf_index = ANY (v_tile.leaves)
          AND s.leaf_index BETWEEN v_tile.first AND v_tile.last;
        v_began := audit.rest_after(v_began, v_until);
    END LOOP;
    PERFORM audit.record_pruned_ids(v_due.p_ids);
    PERFORM audit.rest_after(v_began, v_until);
END
$$;

COMMENT ON FUNCTION audit.prune_batch IS
    'Prunes, of the tenant that is proven with the scopes keep and seal, what is due among the next p_limit records of this mode (empty: without '
    'one) with created_at before p_before. p_seen: how many the pass went over, 0 at its end; p_epochs, p_leaves, p_times: of those that have gone the '
    'leaves and created_at; NULL: none. The caller has locked the tree. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.prune_batch FROM PUBLIC;
SET ROLE audit_owner;
