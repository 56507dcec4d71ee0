-- Time-ordered identifiers for records whose writer brought none. PostgreSQL has its own uuidv7() from 18 on;
-- this one is the same on every supported server.

CREATE OR REPLACE FUNCTION audit.uuid_v7()
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- clock_timestamp(), not now(): two records of one transaction must not share their time.
    v_microseconds bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    v_fraction     int    := ((v_microseconds % 1000) * 4096 / 1000)::int;   -- of the millisecond, in 12 bits
BEGIN
    RETURN encode(
        substring(int8send(v_microseconds / 1000) FROM 3)          -- 48 bits: milliseconds since 1970
        || int2send((28672 | v_fraction)::int2)                    -- 16 bits: version 7, then the fraction (RFC 9562, 6.2)
        || substring(uuid_send(gen_random_uuid()) FROM 9),         -- 64 bits: variant and randomness
        'hex')::uuid;
END
$$;

COMMENT ON FUNCTION audit.uuid_v7 IS
    'A UUID version 7: milliseconds since 1970, twelve bits of the next fraction, 62 random bits. Not guessable, so a '
    'collision tells nothing about another tenant.';
REVOKE ALL ON FUNCTION audit.uuid_v7 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.uuid_v7 TO audit_trusted, audit_keyed;
