-- A named tenant and the record, in one statement.
SELECT audit.set_tenant('bench'),
       audit.insert_audit_log(p_id => gen_random_uuid(), p_agent_id => 'agent', p_mode => 'DRY_RUN',
                              p_status => 'success', p_trace_id => 'trace');
