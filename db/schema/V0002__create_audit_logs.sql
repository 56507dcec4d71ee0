-- The record: one row for each thing an agent was asked to do, did, or was refused.

CREATE TABLE audit.audit_logs (
    id          uuid CONSTRAINT audit_logs_pkey PRIMARY KEY,
    trace_id    text,
    tenant_id   text NOT NULL CONSTRAINT audit_logs_tenant_id_fkey REFERENCES audit.tenants (id),
    agent_id    text NOT NULL,
    mode        text,
    status      text,
    http_status int,
    latency_ms  int,
    user_id     text,
    error       text,
    created_at  timestamptz DEFAULT now(),
    CONSTRAINT audit_logs_trace_id_size CHECK (length(trace_id) BETWEEN 1 AND 128),
    CONSTRAINT audit_logs_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT audit_logs_agent_id_size CHECK (length(agent_id) BETWEEN 1 AND 128),
    CONSTRAINT audit_logs_mode_known CHECK (mode IN ('DRY_RUN', 'LIVE')),
    CONSTRAINT audit_logs_status_known CHECK (status IN ('started', 'success', 'error', 'denied')),
    CONSTRAINT audit_logs_http_status_range CHECK (http_status BETWEEN 100 AND 599),
    CONSTRAINT audit_logs_latency_ms_range CHECK (latency_ms >= 0),
    CONSTRAINT audit_logs_user_id_size CHECK (length(user_id) BETWEEN 1 AND 256),
    CONSTRAINT audit_logs_error_size CHECK (length(error) BETWEEN 1 AND 2000),
    CONSTRAINT audit_logs_created_at_known CHECK (
        created_at IS NOT NULL
        AND created_at >= '1970-01-01 00:00:00+00'
        AND created_at < '10000-01-01 00:00:00+00')
);

CREATE INDEX audit_logs_tenant_id_created_at_idx ON audit.audit_logs (tenant_id, created_at DESC);
CREATE INDEX audit_logs_agent_id_created_at_idx ON audit.audit_logs (agent_id, created_at DESC);
CREATE INDEX audit_logs_trace_id_idx ON audit.audit_logs (trace_id);

COMMENT ON TABLE audit.audit_logs IS
    'Executions of AI agents, append-only: no role may UPDATE, DELETE or TRUNCATE. Row-level security: a transaction '
    'sees and writes the records of the tenant it is set to.';
COMMENT ON COLUMN audit.audit_logs.id IS
    'UUID version 7, time-ordered. Made by the writer, so that a retry after a lost connection cannot write twice.';
COMMENT ON COLUMN audit.audit_logs.trace_id IS 'Ties together the records of one request (W3C trace id, or the caller''s).';
COMMENT ON COLUMN audit.audit_logs.tenant_id IS 'Whose record this is. The column every policy compares.';
COMMENT ON COLUMN audit.audit_logs.agent_id IS 'The agent that was asked.';
COMMENT ON COLUMN audit.audit_logs.mode IS 'DRY_RUN: nothing was called. LIVE: the agent was called, or was refused.';
COMMENT ON COLUMN audit.audit_logs.status IS
    'started: about to be called. success, error: how it ended. denied: refused, the agent was not called.';
COMMENT ON COLUMN audit.audit_logs.http_status IS 'What the agent answered. NULL when it was not called or gave no answer.';
COMMENT ON COLUMN audit.audit_logs.latency_ms IS 'How long the call took, in milliseconds. NULL when there was none.';
COMMENT ON COLUMN audit.audit_logs.user_id IS 'The user on whose behalf, as the caller names it. Personal data.';
COMMENT ON COLUMN audit.audit_logs.error IS 'Why it was refused or failed, in our words; never the agent''s answer.';
COMMENT ON COLUMN audit.audit_logs.created_at IS
    'The database''s clock at the start of the writing transaction. The run-time roles may not set it.';

-- The service shows these words to a caller whose record is refused (audit.record_rules).
COMMENT ON CONSTRAINT audit_logs_pkey ON audit.audit_logs IS 'A record is written once.';
COMMENT ON CONSTRAINT audit_logs_tenant_id_fkey ON audit.audit_logs IS 'No record for a tenant that does not exist.';
COMMENT ON CONSTRAINT audit_logs_trace_id_size ON audit.audit_logs IS '1 to 128 characters.';
COMMENT ON CONSTRAINT audit_logs_tenant_id_form ON audit.audit_logs IS
    '1 to 63 of a-z, 0-9, _ and -, the first a letter or digit; so never the '''' that an ended SET LOCAL leaves.';
COMMENT ON CONSTRAINT audit_logs_agent_id_size ON audit.audit_logs IS '1 to 128 characters.';
COMMENT ON CONSTRAINT audit_logs_mode_known ON audit.audit_logs IS 'DRY_RUN or LIVE; unknown in imported history.';
COMMENT ON CONSTRAINT audit_logs_status_known ON audit.audit_logs IS 'started, success, error or denied; unknown in imported history.';
COMMENT ON CONSTRAINT audit_logs_http_status_range ON audit.audit_logs IS '100 to 599.';
COMMENT ON CONSTRAINT audit_logs_latency_ms_range ON audit.audit_logs IS 'Not negative.';
COMMENT ON CONSTRAINT audit_logs_user_id_size ON audit.audit_logs IS '1 to 256 characters.';
COMMENT ON CONSTRAINT audit_logs_error_size ON audit.audit_logs IS '1 to 2,000 characters.';
COMMENT ON CONSTRAINT audit_logs_created_at_known ON audit.audit_logs IS
    'Pages are ordered by it: a NULL or an infinity would fall out of every page.';

COMMENT ON INDEX audit.audit_logs_tenant_id_created_at_idx IS
    'Serves every list: the policy''s comparison is its first column, the page''s order its second.';
COMMENT ON INDEX audit.audit_logs_agent_id_created_at_idx IS 'Serves lists of one agent.';
COMMENT ON INDEX audit.audit_logs_trace_id_idx IS 'Serves the records of one request.';

-- Closed until its page in db/policies opens it: no moment exists in which the table is unprotected.
ALTER TABLE audit.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.audit_logs FORCE ROW LEVEL SECURITY;
