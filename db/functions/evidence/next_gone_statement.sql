-- The next statement of a prune or an erasure that names leaves which a bundle of a window shows. It stands behind them, mostly behind the
-- window, and without it a reader could not tell what was agreed to go from what is missing.

CREATE OR REPLACE FUNCTION audit.next_gone_statement(
    p_tenant_id text, p_epoch int, p_first bigint, p_end bigint, p_epochs jsonb, OUT leaf bigint, OUT seen bigint)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why: down the index of the statements, which has no other leaves.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    -- Read as text: a line may not be JSON where somebody has changed it. At most 100, since each may have thousands of ranges.
    SELECT min(said.leaf_index) FILTER (WHERE said.line ~ '^\{"version":1,"kind":"(prune|erase)",' AND EXISTS (
               SELECT FROM jsonb_array_elements(p_epochs) AS e (epoch)
               CROSS JOIN LATERAL regexp_matches(said.line, '\[([0-9]{1,18}),([0-9]{1,18})\]', 'g') AS named (range)
               WHERE (e.epoch ->> 'epoch') = substring(said.line FROM '"epoch":([0-9]{1,9}),')
                 AND named.range[1]::bigint <= (e.epoch ->> 'last')::bigint AND named.range[2]::bigint > (e.epoch ->> 'first')::bigint)),
           max(said.leaf_index) FILTER (WHERE said.number = 100)
    INTO leaf, seen
    FROM (
        SELECT s.leaf_index, s.line, row_number() OVER (ORDER BY s.leaf_index) AS number
        FROM (
            SELECT t.leaf_index, t.line FROM audit.seals AS t
            WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch AND t.leaf_index >= p_first AND t.leaf_index < p_end
              AND t.line IS NOT NULL
            ORDER BY t.leaf_index LIMIT 100) AS s) AS said;
END
$$;

COMMENT ON FUNCTION audit.next_gone_statement IS
    'leaf: the first statement among the leaves from p_first to p_end - 1 of an epoch that names a leaf between first and last of the epochs in '
    'p_epochs, the state of an export; NULL: none among those that were looked at. seen: the last of those, where there may be more. Runs as its '
    'caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.next_gone_statement FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.next_gone_statement TO audit_trusted;
