-- What a record carries for evidence: when the server wrote it, in which transaction, with which key, and what the caller says about it.
-- The defaults are set after the columns are added: a volatile default would rewrite the table, and a stable one would give every record
-- from before the number of this transaction. Records from before keep NULL.

-- Here, since a CHECK calls it. db/functions/record/is_context.sql has the same again.
CREATE OR REPLACE FUNCTION audit.is_context(p_context json)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_names CONSTANT text[] := ARRAY[
        -- OpenTelemetry's GenAI and W3C's
        'gen_ai.agent.version', 'gen_ai.request.model', 'gen_ai.tool.name', 'gen_ai.conversation.id', 'mcp.session.id',
        'span_id', 'parent_span_id',
        -- ours
        'event', 'resource', 'approver', 'policy_id', 'reason_code', 'input_sha256', 'output_sha256', 'origin', 'dry_run_of'];
BEGIN
    IF octet_length(p_context::text) <= 4096 AND json_typeof(p_context) = 'object' THEN
        -- json_each() decodes every text: one that cannot be (\u0000, half of a surrogate pair) is refused now, and does not fail
        -- every list that compares it later.
        RETURN (
            SELECT count(*) = count(DISTINCT e.key)
               AND coalesce(bool_and(e.key = ANY (c_names) AND json_typeof(e.value) IN ('string', 'number', 'boolean')), true)
            FROM json_each(p_context) AS e);
    END IF;
    RETURN false;
EXCEPTION
    WHEN untranslatable_character OR invalid_text_representation THEN
        RETURN false;
END
$$;

COMMENT ON FUNCTION audit.is_context IS
    'Whether this may be a record''s context: a JSON object of at most 4,096 bytes, its names from the list in the body, no name twice, '
    'its values texts, numbers and booleans that can be decoded. IMMUTABLE, since a CHECK of audit.audit_logs calls it: its list grows '
    'and never shrinks.';
REVOKE ALL ON FUNCTION audit.is_context FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.is_context TO audit_trusted, audit_keyed;

ALTER TABLE audit.audit_logs
    ADD COLUMN recorded_at timestamptz,
    ADD COLUMN recorded_xid xid8,
    ADD COLUMN api_key_id text,
    ADD COLUMN context json;
-- Reads the whole table, once, while writers wait, and finds NULL alone.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.audit_logs ADD CONSTRAINT audit_logs_context_form CHECK (context IS NULL OR audit.is_context(context));
ALTER TABLE audit.audit_logs
    ALTER COLUMN recorded_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN recorded_xid SET DEFAULT pg_current_xact_id(),
    ALTER COLUMN api_key_id SET DEFAULT nullif(split_part(current_setting('app.proof', true), ':', 2), '');

COMMENT ON COLUMN audit.audit_logs.recorded_at IS
    'The server''s clock when the record was written, whatever created_at says. No role may set it. NULL: written before it was noted.';
COMMENT ON COLUMN audit.audit_logs.recorded_xid IS
    'The number of the writing transaction: the order in which records are sealed. No role may set or read it, and no list, export or leaf '
    'has it: it would tell one tenant how busy the others are. NULL: written before it was noted.';
COMMENT ON COLUMN audit.audit_logs.api_key_id IS
    'The public id of the key that wrote the record, as it was proven: the policies compare it. NULL: written under a named tenant, or '
    'before it was noted.';
COMMENT ON COLUMN audit.audit_logs.context IS
    'What the caller says about the execution, as sent: names from the list of audit.is_context(). It may hold personal data.';
COMMENT ON CONSTRAINT audit_logs_context_form ON audit.audit_logs IS
    'A flat JSON object of at most 4,096 bytes, no name twice, values texts, numbers or booleans, names out of: gen_ai.agent.version, '
    'gen_ai.request.model, gen_ai.tool.name, gen_ai.conversation.id, mcp.session.id, span_id, parent_span_id, event, resource, approver, '
    'policy_id, reason_code, input_sha256, output_sha256, origin, dry_run_of.';

ALTER TYPE audit.new_audit_log ADD ATTRIBUTE context text;
COMMENT ON COLUMN audit.new_audit_log.context IS
    'As in audit.audit_logs: an object''s text as it was sent, or a text that holds one.';

-- A record as it is listed and exported. Functions return this and never the table's own row type, which has recorded_xid.
CREATE TYPE audit.listed_audit_log AS (
    id          uuid,
    trace_id    text,
    tenant_id   text,
    agent_id    text,
    mode        text,
    status      text,
    http_status int,
    latency_ms  int,
    user_id     text,
    error       text,
    created_at  timestamptz,
    recorded_at timestamptz,
    api_key_id  text,
    context     text
);
COMMENT ON TYPE audit.listed_audit_log IS
    'A record as a reader of its tenant sees it: every column of audit.audit_logs but recorded_xid. No role has USAGE: a cast needs none.';
COMMENT ON COLUMN audit.listed_audit_log.id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.trace_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.tenant_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.agent_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.mode IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.http_status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.latency_ms IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.user_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.error IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.created_at IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.recorded_at IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.api_key_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.context IS 'As in audit.audit_logs, as text: json cannot be compared.';

-- Their parameters or results are others now. A new one beside the old one would make calls by name ambiguous. A new database has none of
-- them yet; the release before calls them by name, and the new parameters have defaults.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.insert_audit_log(text, text, text, text, int, int, text, text, uuid);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.list_audit_logs(text, text, text, text, text, int, timestamptz, timestamptz, int, text, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.list_proven_audit_logs(text, text, text, text, text, int, timestamptz, timestamptz, int, text, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.begin_export(
    text, text, text, text, text, text, text, int, timestamptz, timestamptz, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.keyset_page(text, text, text, timestamptz, uuid, timestamptz, uuid, int, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.filtered_page(
    text, text, text, text, text, text, int, timestamptz, uuid, timestamptz, uuid, int, int, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.page_cursor(
    bigint, uuid, text, text, text, text, text, text, text, int, timestamptz, timestamptz);
