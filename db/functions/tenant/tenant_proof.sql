-- The proof of a tenant: a hash that only the holder of the secret can compute. This function alone computes it.
-- The secret stays in the columns of this query. In a variable it would be a parameter of the next statement, and so a
-- constant of its plan, which any session can have printed (debug_print_plan).

CREATE OR REPLACE FUNCTION audit.tenant_proof(
    p_secret_id   text,
    p_tenant_id   text,
    p_scopes      text,
    p_api_key_id  text,
    p_restriction text,
    p_entered     text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Two hashes under two keys, as HMAC has it, so that nobody can extend the outer one. Each part follows its length, and the
    -- whole is NULL when a part is missing: no two lists of parts give the same text.
    RETURN (
        SELECT encode(sha256(s.outer_key || sha256(s.inner_key || convert_to(
                   length(p_tenant_id) || ':' || p_tenant_id || length(p_scopes) || ':' || p_scopes
                   || length(p_api_key_id) || ':' || p_api_key_id || length(p_restriction) || ':' || p_restriction
                   || length(p_entered) || ':' || p_entered
                   || audit.transaction_identity(),
                   'UTF8'))), 'hex')
        FROM audit.proof_secrets AS s
        WHERE s.id::text = p_secret_id
          -- A proof lasts five seconds; a secret that was replaced serves for what was under way, and then never again.
          AND (s.replaced_at IS NULL OR s.replaced_at > clock_timestamp() - interval '30 seconds'));
END
$$;

COMMENT ON FUNCTION audit.tenant_proof IS
    'The proof that these scopes of this tenant were entered at p_entered, with this key and its restriction (empty: the whole tenant), in '
    'this transaction. NULL without such a secret. PARALLEL RESTRICTED, as audit.transaction_identity(). Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.tenant_proof FROM PUBLIC;
