-- The line of the statement that leaves were pruned or erased, format 1. It names them by ranges of their indexes, the first and the one after
-- the last, in an epoch, and no record and no person. A prune also says by which rule: the mode of the records, the days that such are kept, and
-- from when to when they were made, which nobody can look up any more. An erasure says none of it: it follows no term, and the records
-- stay, with their times in their leaves. Fields and bytes: as audit.record_leaf_line().

CREATE OR REPLACE FUNCTION audit.gone_leaf_line(
    p_kind      text,
    p_tenant_id text,
    p_epoch     int,
    p_leaves    bigint[],
    p_mode      text,
    p_keep_days int,
    p_first     timestamptz,
    p_last      timestamptz,
    p_at        timestamptz)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- In a tree it would stay for ever, and no reader could take it.
    IF p_kind = 'prune' AND num_nulls(p_keep_days, p_first, p_last) > 0 THEN
        RAISE EXCEPTION 'a prune names its term and its times' USING ERRCODE = 'RF003', COLUMN = 'keep_days';
    END IF;
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
        ']', CASE p_kind WHEN 'prune' THEN concat(
            ',"mode":', coalesce(to_json(p_mode)::text, 'null'),
            ',"keep_days":', p_keep_days,
            ',"first_created_at":"', to_char(p_first AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            '","last_created_at":"', to_char(p_last AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"') END,
        ',"at":"', to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"}');
END
$$;

COMMENT ON FUNCTION audit.gone_leaf_line IS
    'The line of a statement that the leaves with these indexes, each once, of an epoch were pruned (prune), or that their private part was erased '
    '(erase). Of a prune alone: p_mode, the mode of the records (NULL: without one); p_keep_days, their term; p_first and p_last, the least and '
    'greatest created_at; RF003 without them. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.gone_leaf_line FROM PUBLIC;
