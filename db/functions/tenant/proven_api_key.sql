-- The key that the transaction's tenant was proven with. For events, which name the key that read, exported or imported.

CREATE OR REPLACE FUNCTION audit.proven_api_key()
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_parts text[] := string_to_array(current_setting('app.proof', true), ':');   -- secret, key, entered, proof
BEGIN
    -- Any session can set all four to any text.
    IF v_parts[4] = audit.tenant_proof(v_parts[1], current_setting('app.tenant_id', true), current_setting('app.scopes', true),
                                       v_parts[2], current_setting('app.restriction', true), v_parts[3]) THEN
        RETURN v_parts[2];
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION audit.proven_api_key IS
    'The public id of the key that app.proof was made with in this transaction; NULL when app.proof is not genuine. It says nothing '
    'about scope and age: ask audit.proven_tenant() first. PARALLEL RESTRICTED, as audit.transaction_identity(). Nobody but '
    'audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.proven_api_key FROM PUBLIC;
