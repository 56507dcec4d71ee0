-- The overview of the transaction's tenant, as JSON text: its newest hours, its evidence, its terms, holds and keys. Runs as the caller; the
-- policies decide. What it reads is bounded, however many records there are.

CREATE OR REPLACE FUNCTION audit.summarize_audit_logs(p_hours int DEFAULT 24)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('read');
BEGIN
    IF NOT has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.summarize_proven_audit_logs(p_hours);
    END IF;
    IF p_hours IS NULL OR p_hours NOT BETWEEN 1 AND 168 THEN
        RAISE EXCEPTION 'hours is a number from 1 to 168' USING ERRCODE = 'RF003', COLUMN = 'hours';
    END IF;
    -- A caller that has set an unregistered name must not mistake it for an empty trail.
    IF NOT EXISTS (SELECT FROM audit.tenants WHERE id = v_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered'
            USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;

    RETURN (
        SELECT json_build_object(
            'hours', audit.count_hours(v_tenant_id, p_hours), 'checkpoint', e.checkpoint, 'sealing', e.sealing,
            'retention', a.retention, 'holds', a.holds, 'api_keys', a.api_keys)::text
        FROM audit.describe_evidence(v_tenant_id) AS e CROSS JOIN audit.describe_administration() AS a);
END
$$;

COMMENT ON FUNCTION audit.summarize_audit_logs IS
    'The overview of the transaction''s tenant as JSON: hours, as audit.count_hours() counts them, checkpoint and sealing, as '
    'audit.describe_evidence() has them, retention, holds and api_keys, as audit.describe_administration(). RF001 when no tenant is set or '
    'proven, RF002 when it is not registered, RF003 when p_hours is not from 1 to 168, RF006 when the key may not read.';
REVOKE ALL ON FUNCTION audit.summarize_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.summarize_audit_logs TO audit_trusted, audit_keyed;
