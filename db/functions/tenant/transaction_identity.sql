-- What binds a proof to its transaction. A function of its own, so that another kind of cluster changes this one alone.

CREATE OR REPLACE FUNCTION audit.transaction_identity()
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The number is missing until the transaction has one; audit.enter_tenant() writes a row, so that it has.
    RETURN concat(pg_backend_pid(), ':', pg_current_xact_id_if_assigned());
END
$$;

COMMENT ON FUNCTION audit.transaction_identity IS
    'The backend and the number of its transaction. A number is given once in the life of a cluster.';
REVOKE ALL ON FUNCTION audit.transaction_identity FROM PUBLIC;
