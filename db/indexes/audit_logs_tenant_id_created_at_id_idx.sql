-- Lists without a filter, and windows of time. The policy's comparison is the first column, the order of a page the other two.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_tenant_id_created_at_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_tenant_id_created_at_id_idx
    ON audit.audit_logs (tenant_id, created_at DESC, id DESC);
COMMENT ON INDEX audit.audit_logs_tenant_id_created_at_id_idx IS
    'Serves lists without a filter: the policy''s comparison is its first column, the order of a page the other two.';
