-- A page of leaves in an evidence bundle: each leaf's line, and after a record's its private line, unless that was erased. The lines are
-- made from the records as they stand now; where one was changed, the reader computes another hash. Of a record whose row is gone, or a
-- tile of 256 that are all pruned, there is the hash alone.

CREATE OR REPLACE FUNCTION audit.evidence_page(
    p_tenant_id text, p_epoch int, p_first bigint, p_end bigint, OUT text text, OUT records bigint)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why: down the primary key of the leaves, and to each record by its id.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
    v_leaves bigint;
BEGIN
    SELECT string_agg(CASE
               WHEN s.line IS NOT NULL THEN s.line || E'\n'
               WHEN l.id IS NULL THEN concat('{"omitted":', s.leaves, ',"hash":"', encode(s.hash, 'hex'), E'"}\n')
               ELSE concat(
                   audit.record_leaf_line(l.log, encode(coalesce(s.private_sha256, sha256(convert_to(p.line, 'UTF8'))), 'hex')), E'\n',
                   p.line || E'\n') END, '' ORDER BY s.first),
           sum(s.leaves), count(l.id)
    INTO text, v_leaves, records
    FROM (
        SELECT leaf_index AS first, 1 AS leaves, leaf_hash AS hash, record_id, salt, private_sha256, line
        FROM audit.seals
        WHERE tenant_id = p_tenant_id AND epoch = p_epoch AND leaf_index >= p_first AND leaf_index < p_end
        UNION ALL
        SELECT tile.first, 256, tile.hash, NULL, NULL, NULL, NULL
        -- Computed before: a policy lets no function of another column into the condition of an index, and all leaves would be read.
        FROM (
            SELECT n.node_index << 8 AS first, n.hash FROM audit.seal_nodes AS n
            WHERE n.tenant_id = p_tenant_id AND n.epoch = p_epoch AND n.level = 1
              AND n.node_index >= (p_first + 255) >> 8 AND n.node_index < p_end >> 8 OFFSET 0) AS tile
        CROSS JOIN LATERAL (
            SELECT EXISTS (
                SELECT FROM audit.seals AS t
                WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch AND t.leaf_index = tile.first) AS is_there OFFSET 0) AS leaf
        WHERE NOT leaf.is_there) AS s
    -- OFFSET 0: down the key for each record, and its lines are made once.
    LEFT JOIN LATERAL (
        SELECT r.id,
               ROW(r.id, r.trace_id, r.tenant_id, r.agent_id, r.mode, r.status, r.http_status, r.latency_ms, r.user_id, r.error,
                   r.created_at, r.recorded_at, r.api_key_id, r.context::text)::audit.listed_audit_log AS log
        FROM audit.audit_logs AS r
        WHERE r.id = s.record_id AND r.tenant_id = p_tenant_id OFFSET 0) AS l ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN l.id IS NOT NULL AND s.salt IS NOT NULL THEN audit.private_leaf_line(l.log, s.salt) END OFFSET 0) AS p (line);
    IF v_leaves IS DISTINCT FROM p_end - p_first THEN
        -- A tile that has gone since the leaves of a window were looked up, and reaches over its first or last.
        IF EXISTS (
                SELECT FROM (VALUES (p_first), (p_end)) AS border (leaf)
                JOIN audit.seal_nodes AS n
                    ON n.tenant_id = p_tenant_id AND n.epoch = p_epoch AND n.level = 1 AND n.node_index = border.leaf >> 8
                WHERE border.leaf % 256 > 0
                  AND NOT EXISTS (
                        SELECT FROM audit.seals AS t
                        WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch AND t.leaf_index = n.node_index << 8)) THEN
            RAISE EXCEPTION 'leaves of this export were pruned while it was under way' USING ERRCODE = 'RF012', HINT = 'Export again.';
        END IF;
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009',
            DETAIL = format('epoch %s lacks leaves from %s to %s', p_epoch, p_first, p_end - 1);
    END IF;
END
$$;

COMMENT ON FUNCTION audit.evidence_page IS
    'text: the lines of the leaves from p_first to p_end - 1: each leaf''s own, and a record''s private line after it where it is not erased; for '
    'a record whose row is gone, and for a tile of 256 pruned leaves, the omitted line with the hash. No tile that has gone may reach over '
    'p_first or p_end: RF012. records: how many record lines it has. RF009 when a leaf is missing. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.evidence_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.evidence_page TO audit_trusted;
