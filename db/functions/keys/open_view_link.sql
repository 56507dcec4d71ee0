-- Opens a view link: the first who brings its token gets a key, and nobody after. The row of the link is locked meanwhile, so that of two
-- who come at once one is refused.
--
-- The stored hash never leaves the columns of one query: see audit.enter_tenant(). Who comes too late is told nothing by an error, which
-- would undo the count and the event: no row is the refusal.

CREATE OR REPLACE FUNCTION audit.open_view_link(p_token text)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_link       record;   -- what is known of it, but no hash
    v_api_key_id text := left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 16);
BEGIN
    -- rfl_<16 hexadecimal digits>_<64 of them>; f is a digit. The length is checked first: a very long text costs no more work.
    IF p_token IS NULL OR octet_length(p_token) <> 85 OR NOT starts_with(p_token, 'rfl_')
       OR translate(p_token, '0123456789abcdef', '') <> 'rl__' OR substr(p_token, 21, 1) <> '_' THEN
        RAISE EXCEPTION 'the link is not valid' USING ERRCODE = 'RF005', DETAIL = 'malformed';
    END IF;
    -- An earlier user of a pooled session may have left it with less. That the link is used up must be on the disk before the key is sent.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    SELECT l.id, l.tenant_id, l.label, l.restriction, l.key_seconds, l.refused, CASE
               WHEN l.opened_at IS NOT NULL THEN 'it was opened before'
               WHEN l.revoked_at IS NOT NULL THEN 'it was revoked'
               WHEN l.expires_at <= clock_timestamp() THEN 'it has expired' END AS refusal
    INTO v_link
    FROM audit.view_links AS l
    WHERE l.id = substr(p_token, 5, 16) AND l.token_sha256 = sha256(convert_to(substr(p_token, 22), 'UTF8'))
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the link is not valid' USING ERRCODE = 'RF005', DETAIL = 'unknown';
    END IF;

    IF v_link.refusal IS NOT NULL THEN
        UPDATE audit.view_links AS l SET refused = l.refused + 1 WHERE l.id = v_link.id;
        IF v_link.refused = 0 THEN   -- the first alone: nobody floods the events with an old link
            PERFORM audit.record_view_link_event('view link refused', v_link.id, v_link.refusal);
        END IF;
        RETURN;
    END IF;

    RETURN QUERY
        SELECT n.api_key FROM audit.store_api_key(
            v_api_key_id, v_link.tenant_id, v_link.label, ARRAY['read'],
            clock_timestamp() + make_interval(secs => v_link.key_seconds), v_link.restriction) AS n (api_key);
    UPDATE audit.view_links AS l SET opened_at = clock_timestamp(), api_key_id = v_api_key_id WHERE l.id = v_link.id;
    PERFORM audit.record_view_link_event('view link opened', v_link.id);
END
$$;

COMMENT ON FUNCTION audit.open_view_link IS
    'Issues the key of a view link and returns it, in one row, once: no row when the link was opened before, was revoked or has expired, '
    'which is counted, and the first time recorded; so commit. RF005 when there is no such link; nothing is recorded. SECURITY DEFINER: '
    'no run-time role reads the links or makes a key.';
REVOKE ALL ON FUNCTION audit.open_view_link FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.open_view_link TO audit_keyed;
