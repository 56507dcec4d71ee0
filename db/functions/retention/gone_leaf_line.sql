-- The line of the statement that leaves were pruned or erased, format 1. It names them by ranges of their indexes, the first and the one after
-- the last, in an epoch, and no record and no person. Fields and bytes: as audit.record_leaf_line().

CREATE OR REPLACE FUNCTION audit.gone_leaf_line(p_kind text, p_tenant_id text, p_epoch int, p_leaves bigint[], p_at timestamptz)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN concat(
        '{"version":1,"kind":', to_json(p_kind),
        ',"tenant_id":', to_json(p_tenant_id),
        ',"epoch":', p_epoch,
        ',"leaves":[', (
            SELECT string_agg(concat('[', run.first, ',', run.beyond, ']'), ',' ORDER BY run.first)
            FROM (
                SELECT min(numbered.leaf) AS first, max(numbered.leaf) + 1 AS beyond
                FROM (SELECT leaf, leaf - row_number() OVER (ORDER BY leaf) AS start FROM unnest(p_leaves) AS leaf) AS numbered
                GROUP BY numbered.start) AS run),
        '],"at":"', to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"}');
END
$$;

COMMENT ON FUNCTION audit.gone_leaf_line IS
    'The line of a statement that the leaves with these indexes, each once, of an epoch were pruned (prune), or that their private part was erased '
    '(erase). Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.gone_leaf_line FROM PUBLIC;
