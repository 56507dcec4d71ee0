-- How far this server is in the write-ahead log: written, on a primary; replayed, on a standby. The service compares the two, and
-- reads from a standby only while it is close behind.

CREATE OR REPLACE FUNCTION audit.wal_position()
RETURNS TABLE (database text, "position" bigint, is_standby boolean)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
        -- The same on a primary and its standbys, and on no other server.
        SELECT concat(c.system_identifier, ':', d.oid),
               pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::bigint,
               pg_is_in_recovery()
        FROM pg_control_system() AS c
        JOIN pg_database AS d ON d.datname = current_database();
END
$$;

COMMENT ON FUNCTION audit.wal_position IS
    'database: which cluster and database this is. position: bytes of the write-ahead log that are written here, or replayed where the '
    'server is a standby (is_standby). A commit that was acknowledged before the primary is asked is in a standby whose position is not lower.';
REVOKE ALL ON FUNCTION audit.wal_position FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.wal_position TO audit_trusted, audit_keyed;
