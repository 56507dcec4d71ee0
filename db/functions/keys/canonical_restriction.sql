-- A restriction as it is stored: its times in UTC with six digits, so that they read the same in every session. The rest is for the CHECKs.

CREATE OR REPLACE FUNCTION audit.canonical_restriction(p_restriction json)
RETURNS json
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_restriction IS NULL THEN
        RETURN NULL;
    ELSIF json_typeof(p_restriction) <> 'object' THEN
        RAISE EXCEPTION 'a restriction is an object of names and texts' USING ERRCODE = 'RF003', COLUMN = 'restriction';
    -- Without a zone it would be a time of the session's.
    ELSIF p_restriction ->> 'start_time' !~ '([Zz]|[+-][0-9]{2}:?[0-9]{2})$' OR p_restriction ->> 'end_time' !~ '([Zz]|[+-][0-9]{2}:?[0-9]{2})$' THEN
        RAISE EXCEPTION 'a time is a date and a time with a zone' USING ERRCODE = 'RF003', COLUMN = 'restriction';
    END IF;
    RETURN coalesce((
        SELECT json_object_agg(
            e.key,
            CASE WHEN e.key IN ('start_time', 'end_time') AND json_typeof(e.value) = 'string'
                 THEN to_json(to_char((e.value #>> '{}')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                 ELSE e.value END ORDER BY e.key)
        FROM json_each(p_restriction) AS e), p_restriction);
EXCEPTION
    WHEN data_exception THEN   -- no such day, or a text that cannot be decoded
        RAISE EXCEPTION 'a restriction has texts that a record may have, and times with a zone' USING ERRCODE = 'RF003', COLUMN = 'restriction';
END
$$;

COMMENT ON FUNCTION audit.canonical_restriction IS
    'The restriction with its times in UTC with six digits; NULL for NULL. RF003 when it is not an object, or a time is none or has no zone. '
    'Whether it may be a restriction is for audit.is_restriction(), which the tables ask. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.canonical_restriction FROM PUBLIC;
