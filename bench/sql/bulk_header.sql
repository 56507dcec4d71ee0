-- A named tenant and five hundred records, in one statement.
SELECT audit.set_tenant('bench'),
       audit.insert_audit_logs((
           SELECT json_agg(json_build_object('agent_id', 'agent', 'mode', 'DRY_RUN', 'status', 'success', 'trace_id', 'trace'))
           FROM generate_series(1, 500)));
