-- Where one epoch ends and the next begins: the last transaction number that a snapshot can know of.

CREATE OR REPLACE FUNCTION audit.snapshot_end(p_snapshot pg_snapshot)
RETURNS xid8
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A transaction below the end that is under way would be in neither epoch. What has a higher number, under way or not, is in the next.
    IF pg_snapshot_xmin(p_snapshot) <> pg_snapshot_xmax(p_snapshot) THEN
        RAISE EXCEPTION 'other transactions are writing' USING ERRCODE = 'object_in_use',
            HINT = 'Stop the service and other writers in every database of this server, roll back prepared transactions, and try again.';
    END IF;
    RETURN (pg_snapshot_xmax(p_snapshot)::text::numeric - 1)::text::xid8;
END
$$;

COMMENT ON FUNCTION audit.snapshot_end IS
    'The last transaction number below a snapshot''s end. 55006 when a transaction below it was under way. Nobody but audit_owner may '
    'call it.';
REVOKE ALL ON FUNCTION audit.snapshot_end FROM PUBLIC;
