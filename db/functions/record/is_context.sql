-- The rule of a record's context: what the CHECK audit_logs_context_form asks. V0015 makes the same function, since the schema files, and
-- the CHECK in them, come before the functions; a test compares the two.

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
GRANT EXECUTE ON FUNCTION audit.is_context TO audit_trusted, audit_keyed, audit_keeper;
