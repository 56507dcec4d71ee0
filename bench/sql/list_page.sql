-- A page of fifty under policy, with a proven tenant: the first, or the one after :cursor.
SELECT audit.enter_tenant(:api_key), audit.list_audit_logs(p_cursor => NULLIF(:cursor, 'none'));
