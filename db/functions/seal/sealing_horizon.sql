-- How far transactions have got, so that a service can tell how long sealing has been held up. Any session can ask for its own snapshot,
-- which says the same.

CREATE OR REPLACE FUNCTION audit.sealing_horizon(OUT next bigint, OUT sealable bigint)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_snapshot pg_snapshot := pg_current_snapshot();
BEGIN
    next := pg_snapshot_xmax(v_snapshot)::text::bigint;
    sealable := pg_snapshot_xmin(v_snapshot)::text::bigint;
END
$$;

COMMENT ON FUNCTION audit.sealing_horizon IS
    'next: the number that the next transaction which writes gets. sealable: records with smaller numbers than this can be sealed. The time '
    'until sealable reaches what next was is how long a writing transaction, in any database of the server, has held sealing up.';
REVOKE ALL ON FUNCTION audit.sealing_horizon FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.sealing_horizon TO audit_trusted, audit_keyed, audit_sealer;
