-- The bare INSERT, without policies.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, trace_id)
VALUES (gen_random_uuid(), 'bench', 'agent', 'DRY_RUN', 'success', 'trace');
