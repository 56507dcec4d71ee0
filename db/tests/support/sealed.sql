-- pg_temp.record(): a record of a tenant with this id and time, as the superuser, who may say that an earlier transaction wrote it, so that
-- it can be sealed in this one; leaves come in the order of the calls. pg_temp.seal(): seals what there is.

CREATE FUNCTION pg_temp.record(p_tenant_id text, p_id uuid, p_created_at timestamptz DEFAULT '2026-01-01 00:00:00+00') RETURNS void
LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO audit.audit_logs (
        id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at, recorded_at, recorded_xid,
        api_key_id, context)
    VALUES (p_id, 'trace', p_tenant_id, 'agent', 'LIVE', 'error', 500, 12, 'jane "J" doe', E'line\nbreak', p_created_at,
            '2026-01-02 03:04:05.000006+00', (SELECT (3 + count(*))::text::xid8 FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id),
            '0123456789abcdef', '{"event": "é"}')
$$;
CREATE FUNCTION pg_temp.seal() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM set_config('app.sealed_horizon', '', false);   -- no transaction has ended meanwhile
    PERFORM audit.seal_records(10000);
END
$$;
