-- A page of fifty under policy, with a proven tenant.
SELECT audit.enter_tenant(:api_key), audit.list_audit_logs();
