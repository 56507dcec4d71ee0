-- Makes a migrated database one that has been used: the pgTAP tests must say the same of it as of a new one.

SELECT audit.create_tenant('acme'), audit.create_tenant('globex');
SELECT audit.issue_api_key('acme', 'in use'), audit.issue_api_key('globex', 'in use', ARRAY['read', 'write', 'import']);
SELECT audit.rotate_api_key(k.id) FROM audit.api_keys AS k WHERE k.tenant_id = 'globex';
SELECT audit.revoke_api_key(k.id) FROM audit.api_keys AS k WHERE k.tenant_id = 'acme';
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
SELECT audit.uuid_v7(), 'acme', 'agent', 'LIVE', 'success' FROM generate_series(1, 50);
INSERT INTO audit.admin_events (id, tenant_id, act, actor, created_at)
SELECT audit.uuid_v7(), 'acme', act, 'audit_app', now() FROM (VALUES ('records exported'), ('records replayed')) AS a (act);
SELECT audit.rotate_proof_secret();
