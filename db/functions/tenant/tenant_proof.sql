-- The proof of a tenant: a hash that only the holder of the secret can compute. This function alone computes it.
-- The secret stays in the columns of this query. In a variable it would be a parameter of the next statement, and so a
-- constant of its plan, which any session can have printed (debug_print_plan).

CREATE OR REPLACE FUNCTION audit.tenant_proof(
    p_secret_id text,
    p_tenant_id text,
    p_scopes    text,
    p_entry     text,
    p_entered   text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Two hashes under two keys, as HMAC has it, so that nobody can extend the outer one. Four separators, whatever the
    -- parts hold, and NULL when a part is missing: no two lists of parts give the same text.
    RETURN (
        SELECT encode(sha256(s.outer_key || sha256(s.inner_key || convert_to(
                   p_tenant_id || '|' || p_scopes || '|' || p_entry || '|' || p_entered || '|' || audit.transaction_identity(),
                   'UTF8'))), 'hex')
        FROM audit.proof_secrets AS s
        WHERE s.id::text = p_secret_id
          -- A proof lasts five seconds; a secret that was replaced serves for what was under way, and then never again.
          AND (s.replaced_at IS NULL OR s.replaced_at > clock_timestamp() - interval '30 seconds'));
END
$$;

COMMENT ON FUNCTION audit.tenant_proof IS
    'The proof that these scopes of this tenant were entered at p_entered, in subtransaction p_entry of this transaction. '
    'NULL without such a secret. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.tenant_proof FROM PUBLIC;
