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
DECLARE
    v_until timestamptz := clock_timestamp() + interval '500 milliseconds';
    v_said  record;
BEGIN
    FOR v_said IN
        SELECT s.leaf_index, s.line, substring(s.line FROM '^\{"version":1,"kind":"(?:prune|erase)",.*"epoch":([0-9]{1,9}),"leaves":') AS epoch
        FROM audit.seals AS s
        WHERE s.tenant_id = p_tenant_id AND s.epoch = p_epoch AND s.leaf_index >= p_first AND s.leaf_index < p_end AND s.line IS NOT NULL
        ORDER BY s.leaf_index
    LOOP
        -- Read as text: a line may not be JSON where somebody has changed it. Its first and its last range first, since it may have thousands.
        -- A line has up to 168 characters behind its ranges.
        IF EXISTS (
            SELECT FROM jsonb_array_elements(p_epochs) AS e (epoch)
            WHERE e.epoch ->> 'epoch' = v_said.epoch
              AND substring(v_said.line FROM '"leaves":\[\[([0-9]{1,18}),')::bigint <= (e.epoch ->> 'last')::bigint
              AND substring(right(v_said.line, 200) FROM ',([0-9]{1,18})\]\]')::bigint > (e.epoch ->> 'first')::bigint
              AND EXISTS (
                    SELECT FROM regexp_matches(v_said.line, '\[([0-9]{1,18}),([0-9]{1,18})\]', 'g') AS named (range)
                    WHERE named.range[1]::bigint <= (e.epoch ->> 'last')::bigint AND named.range[2]::bigint > (e.epoch ->> 'first')::bigint))
        THEN
            leaf := v_said.leaf_index;
            seen := NULL;
            RETURN;
        END IF;
        seen := v_said.leaf_index;
        IF clock_timestamp() >= v_until THEN
            RETURN;
        END IF;
    END LOOP;
    seen := NULL;
END
$$;

COMMENT ON FUNCTION audit.next_gone_statement IS
    'leaf: the first statement among the leaves from p_first to p_end - 1 of an epoch that names a leaf between first and last of the epochs in '
    'p_epochs, the state of an export; NULL: none among those that were looked at. seen: the last of those, when time was up before the end. Runs as its '
    'caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.next_gone_statement FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.next_gone_statement TO audit_trusted;
