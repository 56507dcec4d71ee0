-- The next leaves of a tree as lines of the feed, in the order of the leaves. A record whose row was pruned has no line, and its leaf is
-- passed over; so is a tile whose leaves are all gone.

CREATE OR REPLACE FUNCTION audit.feed_page(
    p_tenant_id   text,
    p_epoch       int,
    p_first       bigint,
    p_leaves      int,
    p_format      text,
    OUT text      text,
    OUT lines     int,
    OUT leaves    int,
    OUT last_leaf bigint)
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
BEGIN
    SELECT coalesce(string_agg(made.line, '' ORDER BY s.leaf_index), ''), count(made.line), count(*), max(s.leaf_index)
    INTO feed_page.text, feed_page.lines, feed_page.leaves, feed_page.last_leaf
    FROM (
        SELECT l.leaf_index, l.leaf_hash, l.record_id, l.line
        FROM audit.seals AS l
        WHERE l.tenant_id = p_tenant_id AND l.epoch = p_epoch AND l.leaf_index >= p_first
        ORDER BY l.leaf_index LIMIT p_leaves) AS s
    -- OFFSET 0: down the key for each record, and its line is made once.
    LEFT JOIN LATERAL (
        SELECT r.id, r.trace_id, r.tenant_id, r.agent_id, r.mode, r.status, r.http_status, r.latency_ms, r.user_id, r.error,
               r.created_at, r.recorded_at, r.api_key_id, r.context,
               ROW(r.id, r.trace_id, r.tenant_id, r.agent_id, r.mode, r.status, r.http_status, r.latency_ms, r.user_id, r.error,
                   r.created_at, r.recorded_at, r.api_key_id, r.context::text)::audit.listed_audit_log AS log
        FROM audit.audit_logs AS r
        WHERE r.id = s.record_id AND r.tenant_id = p_tenant_id OFFSET 0) AS l ON true
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN l.id IS NULL AND s.line IS NOT NULL AND p_format = 'ringfence' THEN concat(
                '{"epoch":', p_epoch, ',"leaf_index":', s.leaf_index, ',"leaf_hash":"', encode(s.leaf_hash, 'hex'),
                '","statement":', s.line, E'}\n')
            WHEN l.id IS NULL THEN NULL
            -- The members of audit.list_audit_logs(), after those of the leaf. By hand, as in audit.export_audit_logs().
            WHEN p_format = 'ringfence' THEN concat(
                '{"epoch":', p_epoch, ',"leaf_index":', s.leaf_index, ',"leaf_hash":"', encode(s.leaf_hash, 'hex'),
                '","id":"', l.id,
                '","trace_id":', coalesce(to_json(l.trace_id)::text, 'null'),
                ',"tenant_id":"', l.tenant_id,
                '","agent_id":', to_json(l.agent_id),
                ',"mode":', coalesce(to_json(l.mode)::text, 'null'),
                ',"status":', coalesce(to_json(l.status)::text, 'null'),
                ',"http_status":', coalesce(l.http_status::text, 'null'),
                ',"latency_ms":', coalesce(l.latency_ms::text, 'null'),
                ',"user_id":', coalesce(to_json(l.user_id)::text, 'null'),
                ',"error":', coalesce(to_json(l.error)::text, 'null'),
                ',"created_at":"', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                '","recorded_at":', coalesce('"' || to_char(l.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', 'null'),
                ',"api_key_id":', coalesce('"' || l.api_key_id || '"', 'null'),
                -- A line break of JSON stands between its parts, never within a text.
                ',"context":', coalesce(translate(l.context::text, E'\n\r', '  '), 'null'), E'}\n')
            WHEN p_format = 'ocsf' THEN audit.ocsf_event(l.log, p_epoch, s.leaf_index, s.leaf_hash) || E'\n'
            ELSE audit.cloud_event(l.log, p_epoch, s.leaf_index, s.leaf_hash) || E'\n'
            END OFFSET 0) AS made (line);
END
$$;

COMMENT ON FUNCTION audit.feed_page IS
    'text: a line with a line break for each of the next p_leaves leaves from p_first on that has a record, or a statement where p_format is '
    'ringfence. lines: how many. leaves: how many leaves were read, 0 at the end of the tree; last_leaf: the last of them. Runs as its '
    'caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.feed_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.feed_page TO audit_trusted;
