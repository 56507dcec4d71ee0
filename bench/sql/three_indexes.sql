-- The design's three indexes, without those that serve lists of a user and of failures.
DROP INDEX audit.audit_logs_tenant_id_user_id_created_at_idx, audit.audit_logs_failures_idx;
