-- The order in which the records of a tenant are sealed. Its column comes with V0015: on an older database it is built after that.
DROP INDEX CONCURRENTLY IF EXISTS audit.audit_logs_tenant_id_recorded_xid_id_idx;   -- what a build that failed has left
CREATE INDEX CONCURRENTLY audit_logs_tenant_id_recorded_xid_id_idx
    ON audit.audit_logs (tenant_id, recorded_xid, id);
COMMENT ON INDEX audit.audit_logs_tenant_id_recorded_xid_id_idx IS
    'Serves sealing: a tenant''s records in the order in which their transactions got their numbers.';
