-- Lists of one mode: of the few LIVE records of a tenant that tries its agents, or the reverse.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_tenant_id_mode_created_at_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_tenant_id_mode_created_at_id_idx
    ON audit.audit_logs (tenant_id, mode, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_tenant_id_mode_created_at_id_idx IS
    'Serves lists of one mode.';
