-- Lists of one trace. The trace comes first, so that a trace is found in all tenants too, by those who may.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_trace_id_tenant_id_created_at_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_trace_id_tenant_id_created_at_id_idx
    ON audit.audit_logs (trace_id, tenant_id, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_trace_id_tenant_id_created_at_id_idx IS
    'Serves lists of one trace.';
