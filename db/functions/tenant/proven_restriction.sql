-- A value of the restriction that the transaction's key has proven. The policies ask for each name in a sub-select of its own, so that
-- each is checked with the proof: app.restriction can change in the middle of a statement.

CREATE OR REPLACE FUNCTION audit.proven_restriction(p_name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- NULL would say that the key is not restricted by this name. No error either: a parallel plan asks for every value before its
    -- first row, also where the whole tenant is proven. A key with a restriction has the scope read alone.
    IF audit.proven_restricted_tenant('read') IS NULL THEN
        RETURN CASE p_name WHEN 'start_time' THEN 'infinity' WHEN 'end_time' THEN '-infinity' ELSE '' END;
    END IF;
    -- Between the check of the proof and the look at the restriction no code of the caller runs.
    RETURN current_setting('app.restriction', true)::json ->> p_name;
END
$$;

COMMENT ON FUNCTION audit.proven_restriction IS
    'What the restriction of the proven key says of this name, as text; NULL when it says nothing; a value that no record has when no key with '
    'a restriction is proven. RF001 when it was proven more than five seconds ago. PARALLEL RESTRICTED, as audit.transaction_identity(). Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.proven_restriction FROM PUBLIC;
