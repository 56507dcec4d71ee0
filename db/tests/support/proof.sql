-- pg_temp.proof(): what audit.enter_tenant() sets app.proof to, computed by the formula. A test says what it is made for; p_form says
-- otherwise how the parts are put together. It runs as the superuser, who alone can read the secret.

CREATE FUNCTION pg_temp.proof(
    p_tenant_id  text    DEFAULT 'tap-a',
    p_scopes     text    DEFAULT 'read,write',
    p_api_key_id text    DEFAULT '0123456789abcdef',
    p_age        numeric DEFAULT 0,
    p_entered    text    DEFAULT NULL,   -- in place of the clock's time less p_age
    p_server     text    DEFAULT extract(epoch FROM pg_postmaster_start_time()),
    p_backend    text    DEFAULT pg_backend_pid(),
    p_started    text    DEFAULT extract(epoch FROM transaction_timestamp()),
    p_form       text    DEFAULT '%1$s:%2$s%3$s:%4$s%5$s:%6$s%12$s:%13$s%7$s:%8$s%9$s:%10$s:%11$s',
    p_keys       text    DEFAULT 'outer and inner',
    p_restriction text   DEFAULT '')
RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT concat_ws(':', s.id, p_api_key_id, e.entered, encode(CASE p_keys
        WHEN 'outer and inner' THEN sha256(s.outer_key || sha256(s.inner_key || m.message))
        WHEN 'inner and outer' THEN sha256(s.inner_key || sha256(s.outer_key || m.message))
        WHEN 'inner' THEN sha256(s.inner_key || m.message)
        WHEN 'outer' THEN sha256(s.outer_key || m.message)
        WHEN 'none' THEN sha256(sha256(m.message)) END, 'hex'))
    FROM audit.proof_secrets AS s
    CROSS JOIN LATERAL (SELECT coalesce(p_entered, (extract(epoch FROM clock_timestamp()) - p_age)::text)) AS e (entered)
    CROSS JOIN LATERAL (SELECT convert_to(format(p_form, length(p_tenant_id), p_tenant_id, length(p_scopes), p_scopes,
        length(p_api_key_id), p_api_key_id, length(e.entered), e.entered, p_server, p_backend, p_started,
        length(p_restriction), p_restriction), 'UTF8')) AS m (message)
    WHERE s.replaced_at IS NULL
$$;
