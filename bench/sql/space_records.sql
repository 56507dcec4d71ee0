-- Records :first to :last of twenty tenants in turn, each :days days old: what the service stores of an execution, a typical one. The foreign
-- key is not asked.

SET session_replication_role = replica;
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, created_at, context)
SELECT audit.uuid_v7(), md5('trace' || n), 'space' || n % 20, 'agent-' || n / 20 % 50, 'LIVE', 'success', 200, n % 5000, 'user-' || md5('user' || n % 10007),
       now() - make_interval(days => :days) + n * interval '1 millisecond',
       json_build_object('event', 'loan.refused', 'resource', 'loan/' || n,
                         'input_sha256', encode(sha256(n::text::bytea), 'hex'), 'output_sha256', encode(sha256(('o' || n)::bytea), 'hex'))
FROM generate_series(:first, :last) AS n;
