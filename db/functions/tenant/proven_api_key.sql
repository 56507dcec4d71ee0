-- The key that the transaction's tenant was entered with. For events, which name the key that read or imported.

CREATE OR REPLACE FUNCTION audit.proven_api_key()
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Any session can set it to any text; audit.enter_tenant() sets it to the key's public id and the proof of it.
    v_parts text[] := string_to_array(current_setting('app.api_key', true), ':');
BEGIN
    IF v_parts[2] = audit.api_key_proof(v_parts[1]) THEN
        RETURN v_parts[1];
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION audit.proven_api_key IS
    'The public id of the key for which audit.enter_tenant() made app.proof; NULL when there is none. It says nothing about '
    'app.proof itself: ask audit.proven_tenant() first. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.proven_api_key FROM PUBLIC;
