-- Where a page of administrative events ends, and which list it is a page of.

CREATE OR REPLACE FUNCTION audit.admin_events_cursor(
    p_microseconds bigint,
    p_id           uuid,
    p_tenant_id    text,
    p_act          text,
    p_api_key_id   text,
    p_start_time   timestamptz,
    p_end_time     timestamptz,
    p_order        text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id text := replace(p_id::text, '-', '');
BEGIN
    -- The digest guards against mistakes, not against forgery: see audit.page_cursor(). A cursor of records is none of events.
    RETURN concat_ws('-', p_microseconds, v_id, left(encode(sha256(convert_to(
        json_build_array(
            'admin_events', p_microseconds, v_id, p_tenant_id, p_act, p_api_key_id, extract(epoch FROM p_start_time),
            extract(epoch FROM p_end_time), p_order)::text,
        'UTF8')), 'hex'), 16));
END
$$;

COMMENT ON FUNCTION audit.admin_events_cursor IS
    'The cursor for the page after this position (created_at in microseconds since 1970, id) in the list of events with these '
    'filters. Used with another tenant, filter or order it is refused.';
REVOKE ALL ON FUNCTION audit.admin_events_cursor FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.admin_events_cursor TO audit_trusted;
