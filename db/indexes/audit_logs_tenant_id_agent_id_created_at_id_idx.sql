-- Lists of one agent. The tenant comes first: records of other tenants' agents of that name cost nothing, and are not counted.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_tenant_id_agent_id_created_at_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_tenant_id_agent_id_created_at_id_idx
    ON audit.audit_logs (tenant_id, agent_id, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_tenant_id_agent_id_created_at_id_idx IS
    'Serves lists of one agent, of this tenant alone.';
