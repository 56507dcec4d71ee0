-- Issues a link that opens one key for reading, once. What it returns is the only copy of its token: the database keeps a hash. The secret
-- stays in the columns of one query, as in audit.store_api_key(), which says why.

CREATE OR REPLACE FUNCTION audit.issue_view_link(
    p_tenant_id   text,
    p_label       text,
    p_expires_at  timestamptz,
    p_key_seconds int,
    p_restriction json DEFAULT NULL)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_id          text := left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 16);
    v_restriction json := audit.canonical_restriction(p_restriction);
BEGIN
    IF p_expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'the link would have expired already' USING ERRCODE = 'RF003', COLUMN = 'expires_at';
    END IF;
    RETURN QUERY
        WITH fresh (secret) AS MATERIALIZED (   -- once, though it is used twice
            -- Each UUID brings 122 bits from the server's strong random source; the hash spreads them over 256.
            SELECT encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                                 || uuid_send(gen_random_uuid())), 'hex')
        ),
        issued (id) AS (
            INSERT INTO audit.view_links AS l (id, tenant_id, label, restriction, token_sha256, created_at, expires_at, key_seconds, refused)
            SELECT v_id, p_tenant_id, p_label, v_restriction, sha256(convert_to(fresh.secret, 'UTF8')), now(), p_expires_at, p_key_seconds, 0
            FROM fresh
            RETURNING l.id
        )
        SELECT concat_ws('_', 'rfl', issued.id, fresh.secret) FROM fresh CROSS JOIN issued;
    PERFORM audit.record_view_link_event('view link issued', v_id);
EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002';
END
$$;

COMMENT ON FUNCTION audit.issue_view_link IS
    'Issues a view link and returns its token, rfl_<id>_<secret>, in one row, once and never again. Until p_expires_at the first who brings it to '
    'audit.open_view_link() gets a key that reads for p_key_seconds (1 to 43,200) what p_restriction says; NULL: the whole tenant. RF002 '
    'when the tenant is not registered, RF003 when the link would have expired or a time of the restriction has no zone, 23502 or 23514 when '
    'something is missing or breaks a rule. SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.issue_view_link FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.issue_view_link TO audit_admin;
