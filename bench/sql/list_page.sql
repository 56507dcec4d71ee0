-- The page after a cursor, with a proven tenant.
SELECT audit.enter_tenant(:api_key), audit.list_audit_logs(p_cursor => NULLIF(:cursor, 'none'));
