-- What a tenant may know at a glance of its evidence: its last checkpoint, its tree, and whether its newest records have a leaf.

CREATE OR REPLACE FUNCTION audit.describe_evidence(p_tenant_id text, OUT checkpoint json, OUT sealing json)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why: the newest records, and the leaf of each, down an index.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    SELECT json_build_object(
        'epoch', c.epoch, 'size', c.size,
        'signed_at', to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        -- The signer signs with the origin for a name, the first line. The other names are those of witnesses.
        'witnesses', (
            SELECT coalesce(json_agg(DISTINCT split_part(l.line, ' ', 2)), '[]')
            FROM string_to_table(c.note, E'\n') WITH ORDINALITY AS l (line, number)
            WHERE l.number > 4 AND l.line <> '' AND split_part(l.line, ' ', 2) <> split_part(c.note, E'\n', 1)))
    INTO checkpoint
    FROM audit.checkpoints AS c
    WHERE c.tenant_id = p_tenant_id
    ORDER BY c.epoch DESC, c.size DESC LIMIT 1;

    SELECT json_build_object(
        'epoch', tree.epoch, 'size', tree.size, 'waiting', waiting.count,
        'since', to_char(waiting.since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    INTO sealing
    FROM (
        SELECT count(*) AS count, min(n.recorded_at) AS since
        FROM (
            SELECT l.id, l.recorded_at FROM audit.audit_logs AS l
            WHERE l.tenant_id = p_tenant_id ORDER BY l.created_at DESC, l.id DESC LIMIT 100) AS n
        -- LIMIT: so that it is asked of each record by itself. All leaves of a tenant are many.
        LEFT JOIN LATERAL (
            SELECT true AS is_there FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = n.id LIMIT 1) AS leaf ON true
        WHERE leaf.is_there IS NULL) AS waiting
    LEFT JOIN LATERAL (
        SELECT t.epoch, t.size FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id ORDER BY t.epoch DESC LIMIT 1) AS tree ON true;
END
$$;

COMMENT ON FUNCTION audit.describe_evidence IS
    'checkpoint: epoch, size, signed_at (when it was stored) and witnesses of the newest checkpoint, as the note names them, verified by '
    'nobody here; NULL: none. sealing: epoch and size of the newest tree; waiting: how many of the newest 100 records by created_at have no '
    'leaf yet, and since when the first of them waits. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.describe_evidence FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.describe_evidence TO audit_trusted;
