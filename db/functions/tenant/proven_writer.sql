-- Who has proven that records of a tenant may be stored: the tenant and the key. The policies compare it with what a record says. One
-- value for both, so that a statement asks once, and so that it was the key of this very proof: a setting can change in a statement.

CREATE OR REPLACE FUNCTION audit.proven_writer(p_scope text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Between the check of the proof and the look at its key no code of the caller runs. No tenant contains the separator.
    RETURN audit.proven_tenant(p_scope) || ':' || split_part(current_setting('app.proof', true), ':', 2);
END
$$;

COMMENT ON FUNCTION audit.proven_writer IS
    'TENANT:KEY, the tenant that audit.proven_tenant() finds proven with this scope and the public id of the key that proved it; nothing '
    'after the colon where a replay has found a named tenant''s records genuine. NULL when nothing is proven, RF001 when it was more than '
    'five seconds ago. PARALLEL RESTRICTED, as audit.transaction_identity().';
REVOKE ALL ON FUNCTION audit.proven_writer FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.proven_writer TO audit_keyed;
