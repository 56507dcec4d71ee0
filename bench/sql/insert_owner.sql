-- The bare INSERT of the columns that audit.insert_audit_log() sets, without policies.
INSERT INTO audit.audit_logs
    (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error)
VALUES (gen_random_uuid(), 'trace', 'bench', 'agent', 'DRY_RUN', 'success', NULL, NULL, NULL, NULL);
