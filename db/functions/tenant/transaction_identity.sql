-- What binds a proof to its transaction. A function of its own, so that another kind of cluster changes this one alone.

CREATE OR REPLACE FUNCTION audit.transaction_identity()
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- No transaction number: giving one out would make each read consume what VACUUM FREEZE pays for, and a standby has none.
    RETURN concat(pg_backend_pid(), ':', extract(epoch FROM transaction_timestamp()));
END
$$;

COMMENT ON FUNCTION audit.transaction_identity IS
    'The backend and the start of its transaction, to the microsecond. Transactions that one message begins share both. PARALLEL '
    'RESTRICTED: a parallel worker is another backend.';
REVOKE ALL ON FUNCTION audit.transaction_identity FROM PUBLIC;
