-- A page of fifty under policy, with a named tenant.
SELECT audit.set_tenant('bench'), audit.list_audit_logs();
