-- Sets the state from which audit.export_audit_logs() continues in this transaction: COPY, which calls it, takes no parameters.

CREATE OR REPLACE FUNCTION audit.continue_export(p_state text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A made-up state shows its maker nothing but records that the policies allow anyway.
    PERFORM set_config('app.export', coalesce(p_state, ''), true);
END
$$;

COMMENT ON FUNCTION audit.continue_export IS
    'Sets what the next audit.export_audit_logs() of this transaction goes on with: what audit.begin_export() returned, or the '
    'last state that audit.export_audit_logs() gave.';
REVOKE ALL ON FUNCTION audit.continue_export FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.continue_export TO audit_trusted, audit_keyed;
