-- Lists of one status: also of started where there is none, and of success in a day of failures.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_tenant_id_status_created_at_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_tenant_id_status_created_at_id_idx
    ON audit.audit_logs (tenant_id, status, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_tenant_id_status_created_at_id_idx IS
    'Serves lists of one status.';
