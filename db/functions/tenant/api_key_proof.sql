-- The proof of which key the tenant of app.proof was entered with: a hash over both that only the database can compute.

CREATE OR REPLACE FUNCTION audit.api_key_proof(p_api_key_id text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_proof text := current_setting('app.proof', true);   -- bound to its tenant, scopes and transaction
BEGIN
    -- No tenant is called "api key", so that this is never the proof of one.
    RETURN audit.tenant_proof(split_part(v_proof, ':', 1), 'api key', p_api_key_id, '', v_proof);
END
$$;

COMMENT ON FUNCTION audit.api_key_proof IS
    'The proof that app.proof was made for this key. NULL without app.proof. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.api_key_proof FROM PUBLIC;
