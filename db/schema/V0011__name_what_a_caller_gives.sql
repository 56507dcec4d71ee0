-- The fields of a record that a caller may give, in one place: every function that takes records as JSON reads them with
-- json_populate_recordset(NULL::audit.new_audit_log, ...). Not the row type of audit.audit_logs: it would take the tenant and every
-- column that only the database sets.

CREATE TYPE audit.new_audit_log AS (
    id          uuid,
    trace_id    text,
    agent_id    text,
    mode        text,
    status      text,
    http_status int,
    latency_ms  int,
    user_id     text,
    error       text,
    created_at  timestamptz
);

COMMENT ON TYPE audit.new_audit_log IS
    'What a caller may say of a record; members of a JSON object that are not named here are ignored. No role has USAGE: a cast needs none.';
COMMENT ON COLUMN audit.new_audit_log.id IS 'As in audit.audit_logs. NULL: the database makes one.';
COMMENT ON COLUMN audit.new_audit_log.trace_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.agent_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.mode IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.http_status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.latency_ms IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.user_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.error IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.created_at IS 'As in audit.audit_logs, for imported and replayed records; ignored in every other.';
