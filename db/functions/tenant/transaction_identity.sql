-- What binds a proof to its transaction. A function of its own, so that another kind of cluster changes this one alone.

CREATE OR REPLACE FUNCTION audit.transaction_identity()
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- No transaction number: giving one out would make each read consume what VACUUM FREEZE pays for, and a standby has none.
    -- The server's start tells servers apart that have the same secret: a standby, or a restored copy.
    RETURN concat(extract(epoch FROM pg_postmaster_start_time()), ':', pg_backend_pid(), ':', extract(epoch FROM transaction_timestamp()));
END
$$;

COMMENT ON FUNCTION audit.transaction_identity IS
    'The start of the server, the backend, and the start of its transaction, to the microsecond. Transactions that one message begins '
    'share all three. PARALLEL RESTRICTED: a parallel worker is another backend.';
REVOKE ALL ON FUNCTION audit.transaction_identity FROM PUBLIC;
