-- The tenant that this transaction may write for. For the policy of audit.idempotency_keys, which serves callers of both groups.
-- session_user decides the group: neither SET ROLE nor a SECURITY DEFINER function changes it.

CREATE OR REPLACE FUNCTION audit.writing_tenant()
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A member of both groups must prove its tenant: audit.tenant_source() answers api_key.
    RETURN CASE audit.tenant_source()
        WHEN 'api_key' THEN coalesce(audit.proven_tenant('write'), audit.proven_tenant('import'))
        WHEN 'header' THEN current_setting('app.tenant_id', true) END;
END
$$;

COMMENT ON FUNCTION audit.writing_tenant IS
    'The tenant that a key with the scope write or import has proven, or, for a login that names its tenant, the one it named. '
    'NULL when there is none. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.writing_tenant FROM PUBLIC;
