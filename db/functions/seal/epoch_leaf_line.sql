-- The line of the statement that begins an epoch, format 1: leaf 0 of every tree after a tenant's first. It links the tree to the one
-- before, and says what the operator knew of that one: a known size above previous_size means that leaves are lost. Fields and bytes: as
-- audit.record_leaf_line().

CREATE OR REPLACE FUNCTION audit.epoch_leaf_line(
    p_tenant_id      text,
    p_epoch          int,
    p_previous_epoch int,
    p_previous_size  bigint,
    p_previous_root  bytea,
    p_known_size     bigint,
    p_known_root     text,
    p_reason         text,
    p_began_at       timestamptz)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN concat(
        '{"version":1,"kind":"epoch","tenant_id":', to_json(p_tenant_id),
        ',"epoch":', p_epoch,
        ',"previous_epoch":', p_previous_epoch,
        ',"previous_size":', p_previous_size,
        ',"previous_root":"', encode(p_previous_root, 'hex'),
        '","known_size":', coalesce(p_known_size::text, 'null'),
        ',"known_root":', coalesce(to_json(p_known_root)::text, 'null'),
        ',"reason":', to_json(p_reason),
        ',"began_at":"', to_char(p_began_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"}');
END
$$;

COMMENT ON FUNCTION audit.epoch_leaf_line IS
    'The line of the statement that begins an epoch. p_known_size and p_known_root: the last signed head of the previous epoch that the '
    'operator knew of; NULL when nothing was known. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.epoch_leaf_line FROM PUBLIC;
