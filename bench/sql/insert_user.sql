-- The bare INSERT of a record with a user, which every index takes in.
\set user random(1, 5000)
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, trace_id, user_id)
VALUES (gen_random_uuid(), 'bench', 'agent', 'LIVE', 'success', 'trace', 'user-' || :user);
