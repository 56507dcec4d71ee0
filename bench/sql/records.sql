-- Records :first to :last of those that are there to be read; the same in every run. A tenth is the tenant `bench`'s, whose
-- agents, users and statuses are as skewed as they come: most records have the same, and one in ten thousand another.
-- The foreign key is not asked: it takes a quarter of the time.

SET session_replication_role = replica;
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, user_id, created_at)
SELECT lpad(to_hex(n), 32, '0')::uuid,
       md5('trace' || n),
       CASE WHEN n % 10 = 0 THEN 'bench' WHEN n % 10 = 1 AND n <= 10000 THEN 'few' ELSE 'other' || n % 10 END,
       CASE WHEN n % 100000 = 10000 THEN 'rare' WHEN n / 10 % 10 = 0 THEN 'agent-' || n / 100 % 7 ELSE 'common' END,
       CASE n % 3 WHEN 0 THEN 'LIVE' ELSE 'DRY_RUN' END,
       CASE WHEN n % 100000 = 20000 THEN 'denied' WHEN n / 10 % 50 = 0 THEN 'error' ELSE 'success' END,
       CASE WHEN n % 100000 = 30000 THEN 'rare' WHEN n / 10 % 10 = 0 THEN 'user-' || n / 100 % 1000 ELSE 'common' END,
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'
FROM generate_series(:first, :last) AS n;
