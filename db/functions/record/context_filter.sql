-- Checks a filter by context, for lists and exports. A name that no record can have is refused by its name: a list that is empty because
-- of a typing error would look like an empty trail.

CREATE OR REPLACE FUNCTION audit.context_filter(p_context json)
RETURNS json
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text;
BEGIN
    IF p_context IS NULL THEN
        RETURN NULL;
    ELSIF json_typeof(p_context) <> 'object' THEN
        RAISE EXCEPTION 'a filter by context is an object of names and texts' USING ERRCODE = 'RF003', COLUMN = 'context';
    END IF;
    BEGIN
        SELECT e.key INTO v_name
        FROM json_each(p_context) WITH ORDINALITY AS e (key, value, number)
        WHERE json_typeof(e.value) <> 'string' OR NOT audit.is_context(json_build_object(e.key, e.value))
        ORDER BY e.number LIMIT 1;
    EXCEPTION
        WHEN untranslatable_character OR invalid_text_representation THEN   -- a name that cannot be decoded
            RAISE EXCEPTION 'no record has such a context' USING ERRCODE = 'RF003', COLUMN = 'context';
    END;
    IF v_name IS NOT NULL THEN
        RAISE EXCEPTION 'no record has such a context' USING ERRCODE = 'RF003', COLUMN = 'context.' || left(v_name, 64);
    ELSIF NOT audit.is_context(p_context) THEN   -- a name twice, or too long
        RAISE EXCEPTION 'no record has such a context' USING ERRCODE = 'RF003', COLUMN = 'context';
    END IF;
    -- As jsonb prints it: names in one order, so that a cursor belongs to the same filters in any order.
    RETURN CASE WHEN EXISTS (SELECT FROM json_object_keys(p_context)) THEN p_context::jsonb::json END;
END
$$;

COMMENT ON FUNCTION audit.context_filter IS
    'The filter, its names in a fixed order; NULL where it names nothing. RF003 when it is not an object of texts, with the column '
    'context.NAME for the first name that no record has, or whose text no record can have.';
REVOKE ALL ON FUNCTION audit.context_filter FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.context_filter TO audit_trusted, audit_keyed;
