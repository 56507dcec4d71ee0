-- The rule of a restriction, the part of a tenant's records that a key shows: what CHECKs of audit.api_keys and audit.view_links ask. V0020
-- makes the same function, since the schema files, and the CHECKs in them, come before the functions; a test compares the two.

CREATE OR REPLACE FUNCTION audit.is_restriction(p_restriction json)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_time CONSTANT text := '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$';
BEGIN
    IF octet_length(p_restriction::text) <= 4096 AND json_typeof(p_restriction) = 'object' THEN
        RETURN (
            SELECT count(*) > 0 AND count(*) = count(DISTINCT e.key) AND bool_and(
                json_typeof(e.value) = 'string' AND coalesce(CASE e.key
                    WHEN 'agent_id' THEN length(v.text) BETWEEN 1 AND 128
                    WHEN 'trace_id' THEN length(v.text) BETWEEN 1 AND 128
                    WHEN 'user_id' THEN length(v.text) BETWEEN 1 AND 256
                    WHEN 'mode' THEN v.text IN ('DRY_RUN', 'LIVE')
                    WHEN 'status' THEN v.text IN ('started', 'success', 'error', 'denied')
                    -- The one text that a moment has: it is printed again and compared.
                    WHEN 'start_time' THEN CASE WHEN v.text ~ c_time THEN
                        v.text = to_char(v.text::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END
                    WHEN 'end_time' THEN CASE WHEN v.text ~ c_time THEN
                        v.text = to_char(v.text::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END
                    END, false))
                -- As texts: in this form they come in the order of the moments.
                AND coalesce(p_restriction ->> 'start_time' < p_restriction ->> 'end_time' COLLATE "C", true)
            FROM json_each(p_restriction) AS e
            CROSS JOIN LATERAL (VALUES (e.value #>> '{}')) AS v (text));
    END IF;
    RETURN false;
EXCEPTION
    -- \u0000 or half of a surrogate pair; 30 February
    WHEN untranslatable_character OR invalid_text_representation OR datetime_field_overflow OR invalid_datetime_format THEN
        RETURN false;
END
$$;

COMMENT ON FUNCTION audit.is_restriction IS
    'Whether this may be the restriction of a key: a JSON object of at most 4,096 bytes with at least one of start_time, end_time, agent_id, '
    'trace_id, user_id, mode and status, no name twice, and the values texts: times in UTC with six digits, start before end, '
    'the others as a record may have them. IMMUTABLE, since CHECKs call it. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.is_restriction FROM PUBLIC;
