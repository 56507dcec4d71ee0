-- Records to read, :records of them, for ten tenants in turn; the same in every run. Their indexes are made afterwards,
-- and the foreign key is not asked: it takes a quarter of the time. The first record of bench has a user, an agent and a
-- status that no other has.

SET session_replication_role = replica;
CREATE TEMPORARY TABLE dropped AS
SELECT pg_get_indexdef(i.indexrelid) AS definition, i.indexrelid::regclass::text AS name
FROM pg_index AS i
WHERE i.indrelid = 'audit.audit_logs'::regclass AND NOT i.indisprimary;
DO $$ DECLARE v_name text; BEGIN
    FOR v_name IN SELECT name FROM dropped LOOP EXECUTE 'DROP INDEX ' || v_name; END LOOP;
END $$;
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, user_id, created_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, md5('trace' || n), CASE n % 10 WHEN 0 THEN 'bench' ELSE 'other' || n % 10 END,
       CASE n WHEN 10 THEN 'rare-agent' ELSE 'agent-' || n % 7 END, CASE n % 3 WHEN 0 THEN 'LIVE' ELSE 'DRY_RUN' END,
       CASE WHEN n = 10 THEN 'denied' WHEN n % 50 = 0 THEN 'error' ELSE 'success' END,
       CASE n WHEN 10 THEN 'rare-user' ELSE 'user-' || n % 1000 END,
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'
FROM generate_series(1, :records) AS n;
DO $$ DECLARE v_definition text; BEGIN
    FOR v_definition IN SELECT definition FROM dropped LOOP EXECUTE v_definition; END LOOP;
END $$;
