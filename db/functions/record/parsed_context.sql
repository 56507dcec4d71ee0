-- Reads a context that came as text, for the functions that store records: where the text is no JSON, the refusal says which field it is.
-- They do not call it without a context, as in most records: a call costs more than the rest of what a context needs.

CREATE OR REPLACE FUNCTION audit.parsed_context(p_text text)
RETURNS json
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_text::json;   -- keeps the text as it is
EXCEPTION
    WHEN invalid_text_representation THEN
        RAISE EXCEPTION 'the context is not JSON' USING ERRCODE = 'RF003', COLUMN = 'context';
END
$$;

COMMENT ON FUNCTION audit.parsed_context IS
    'The text as JSON, unchanged; NULL for NULL. RF003 when it is not JSON. Whether it may be a record''s context is for '
    'audit.is_context(), which the table asks.';
REVOKE ALL ON FUNCTION audit.parsed_context FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.parsed_context TO audit_trusted, audit_keyed;
