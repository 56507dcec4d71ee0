-- Makes an API key, for the functions that issue one and record it. The secret stays in the columns of one query, and goes from there to the
-- caller: in a variable it would be a constant of a plan. So this returns a set, of one row.

CREATE OR REPLACE FUNCTION audit.store_api_key(
    p_id          text,
    p_tenant_id   text,
    p_label       text,
    p_scopes      text[],
    p_expires_at  timestamptz,
    p_restriction json)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    RETURN QUERY
        WITH fresh (secret) AS MATERIALIZED (   -- once, though it is used twice
            -- Each UUID brings 122 bits from the server's strong random source; the hash spreads them over 256.
            SELECT encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                                 || uuid_send(gen_random_uuid())), 'hex')
        ),
        issued (id) AS (
            INSERT INTO audit.api_keys AS k (
                id, tenant_id, label, scopes, secret_sha256, created_at, expires_at,
                spool_inner_key, spool_outer_key, spool_key_source, restriction)
            SELECT p_id, p_tenant_id, p_label,
                   (SELECT array_agg(DISTINCT s ORDER BY s) FROM unnest(p_scopes) AS s),
                   sha256(convert_to(fresh.secret, 'UTF8')), now(), p_expires_at,
                   pads.inner_pad, pads.outer_pad, 'secret', p_restriction
            FROM fresh
            -- app/services/spool/lines.py makes the same of the secret. HMAC's two keys: 0x36 and 0x5c.
            CROSS JOIN LATERAL (
                SELECT string_agg(set_byte('\x00'::bytea, 0, get_byte(derived.block, place) # 54), ''::bytea ORDER BY place),
                       string_agg(set_byte('\x00'::bytea, 0, get_byte(derived.block, place) # 92), ''::bytea ORDER BY place)
                FROM (VALUES (sha256(convert_to('ringfence spool key of secret:' || fresh.secret, 'UTF8'))
                              || decode(repeat('00', 32), 'hex'))) AS derived (block)
                CROSS JOIN generate_series(0, 63) AS place) AS pads (inner_pad, outer_pad)
            RETURNING k.id
        ),
        unused (id) AS (
            INSERT INTO audit.api_key_uses AS u (api_key_id) SELECT issued.id FROM issued RETURNING u.api_key_id
        )
        SELECT concat_ws('_', 'rf', unused.id, fresh.secret) FROM fresh CROSS JOIN unused;
END
$$;

COMMENT ON FUNCTION audit.store_api_key IS
    'Stores a key with this public id and returns it, in one row, once and never again. p_restriction: as audit.is_restriction() has it; '
    'NULL: the whole tenant. 23503 when the tenant is not registered, 23514 when label, scopes or restriction break a rule. Records '
    'nothing. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.store_api_key FROM PUBLIC;
