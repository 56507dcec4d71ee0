-- The horizon of sealing, where a transaction has parts on several nodes. Citus ends such a transaction on the coordinator first, and on the
-- workers right after: for a moment its number is below the horizon, and its records are not to be seen yet. Until then they are prepared there.

CREATE OR REPLACE FUNCTION audit.settled_horizon()
RETURNS xid8
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());   -- before the nodes are asked: what ends later has a number above it
BEGIN
    IF EXISTS (
        SELECT FROM run_command_on_workers($query$SELECT count(*) FROM pg_prepared_xacts WHERE gid LIKE 'citus\_%'$query$) AS w
        WHERE NOT w.success OR w.result <> '0') THEN
        RETURN '0';
    END IF;
    RETURN v_horizon;
END
$$;

COMMENT ON FUNCTION audit.settled_horizon IS
    'The number below which every transaction has ended on every node; 0, below which there is none, while a worker has one that is prepared, or '
    'cannot be asked. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.settled_horizon FROM PUBLIC;
