-- The bare INSERT of a failure with a user, which goes into every index.
\set user random(1, 5000)
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, trace_id, user_id)
VALUES (gen_random_uuid(), 'bench', 'agent', 'LIVE', 'error', 'trace', 'user-' || :user);
