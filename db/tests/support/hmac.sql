-- pg_temp.hmac(): HMAC-SHA-256 (RFC 2104) under a key of 32 bytes, in hexadecimal, as the service makes it.

CREATE FUNCTION pg_temp.hmac(p_key bytea, p_message bytea) RETURNS text LANGUAGE sql AS $$
    SELECT encode(sha256(string_agg(set_byte('\x00'::bytea, 0, get_byte(b.block, n) # 92), ''::bytea ORDER BY n)
               || sha256(string_agg(set_byte('\x00'::bytea, 0, get_byte(b.block, n) # 54), ''::bytea ORDER BY n) || p_message)), 'hex')
    FROM (VALUES (p_key || decode(repeat('00', 32), 'hex'))) AS b (block) CROSS JOIN generate_series(0, 63) AS n
$$;
