-- Lists of one user.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_tenant_id_user_id_created_at_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_tenant_id_user_id_created_at_id_idx
    ON audit.audit_logs (tenant_id, user_id, created_at DESC NULLS LAST, id DESC NULLS LAST)
    WHERE user_id IS NOT NULL;
COMMENT ON INDEX audit.audit_logs_tenant_id_user_id_created_at_id_idx IS
    'Serves lists of one user. A record without a user does not pay for it.';
