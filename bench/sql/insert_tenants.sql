-- One of a hundred tenants, named, and its record, in one statement.
\set number random(1, 100)
SELECT audit.set_tenant('writer' || :number),
       audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'DRY_RUN', p_status => 'success', p_trace_id => 'trace');
