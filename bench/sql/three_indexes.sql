-- The design's three indexes, without those that serve one filter each.
DROP INDEX audit.audit_logs_tenant_id_agent_id_created_at_id_idx, audit.audit_logs_tenant_id_user_id_created_at_id_idx,
    audit.audit_logs_tenant_id_mode_created_at_id_idx, audit.audit_logs_tenant_id_status_created_at_id_idx,
    audit.audit_logs_tenant_id_http_status_created_at_id_idx;
