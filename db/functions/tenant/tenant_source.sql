-- How a transaction of this role gets its tenant: from an API key or from a name. The service asks once, at start.

CREATE OR REPLACE FUNCTION audit.tenant_source()
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN pg_has_role(session_user, 'audit_keyed', 'MEMBER') THEN 'api_key'
        WHEN pg_has_role(session_user, 'audit_trusted', 'MEMBER') THEN 'header' END;
END
$$;

COMMENT ON FUNCTION audit.tenant_source IS
    'api_key: this role must prove its tenant with audit.enter_tenant(). header: it names it with audit.set_tenant(). '
    'NULL: it has no tenant.';
REVOKE ALL ON FUNCTION audit.tenant_source FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.tenant_source TO audit_trusted, audit_keyed;
