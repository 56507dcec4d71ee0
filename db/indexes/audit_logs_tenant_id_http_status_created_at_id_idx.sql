-- Lists of one HTTP status.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_tenant_id_http_status_created_at_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_tenant_id_http_status_created_at_id_idx
    ON audit.audit_logs (tenant_id, http_status, created_at DESC NULLS LAST, id DESC NULLS LAST)
    WHERE http_status IS NOT NULL;
COMMENT ON INDEX audit.audit_logs_tenant_id_http_status_created_at_id_idx IS
    'Serves lists of one HTTP status. A record of a call that was not made does not pay for it.';
