-- Where a page of audit.list_audit_logs() ends, and which list it is a page of.

CREATE OR REPLACE FUNCTION audit.page_cursor(
    p_microseconds bigint,
    p_id           uuid,
    p_tenant_id    text,
    p_order        text,
    p_agent_id     text,
    p_trace_id     text,
    p_user_id      text,
    p_mode         text,
    p_status       text,
    p_http_status  int,
    p_start_time   timestamptz,
    p_end_time     timestamptz,
    p_api_key_id   text,
    p_context      json)
RETURNS text
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id text := replace(p_id::text, '-', '');
BEGIN
    -- The digest guards against mistakes, not against forgery: a made-up position shows its maker nothing but pages of
    -- the tenant that the policies allow anyway.
    RETURN concat_ws('-', p_microseconds, v_id, left(encode(sha256(convert_to(
        json_build_array(
            p_microseconds, v_id, p_tenant_id, p_order, p_agent_id, p_trace_id, p_user_id, p_mode, p_status,
            p_http_status, extract(epoch FROM p_start_time), extract(epoch FROM p_end_time))::text
        -- Nothing where neither is given: so cursors of the release before go on.
        || CASE WHEN num_nonnulls(p_api_key_id, p_context) > 0 THEN json_build_array(p_api_key_id, p_context)::text ELSE '' END,
        'UTF8')), 'hex'), 16));
END
$$;

COMMENT ON FUNCTION audit.page_cursor IS
    'The cursor for the page after this position (created_at in microseconds since 1970, id) in the list with these '
    'filters. Used with another tenant, filter or order it is refused.';
REVOKE ALL ON FUNCTION audit.page_cursor FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.page_cursor TO audit_trusted, audit_keyed;
