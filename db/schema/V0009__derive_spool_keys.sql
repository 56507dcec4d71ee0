-- The key with which a line of the spool is signed is made for that alone. Until now it was the hash by which audit.enter_tenant()
-- knows an API key, so whoever learned one could do the work of the other.

-- A key is kept as HMAC uses it (RFC 2104): filled up to a block of SHA-256, once XOR 0x36 and once XOR 0x5c. So a signature is
-- checked with sha256() alone, in the columns of one query.
ALTER TABLE audit.api_keys
    ADD COLUMN spool_inner_key  bytea,
    ADD COLUMN spool_outer_key  bytea,
    ADD COLUMN spool_key_source text;

-- Of keys that were issued before only the hash is here; the caller's side can make the same of the key. (No space after #: pgmigrate
-- would take the rest of the line for a comment.)
UPDATE audit.api_keys AS k
SET spool_inner_key = pads.inner_key, spool_outer_key = pads.outer_key, spool_key_source = 'hash'
FROM audit.api_keys AS o
CROSS JOIN LATERAL (
    SELECT string_agg(set_byte('\x00'::bytea, 0, get_byte(derived.block, place) #54), ''::bytea ORDER BY place) AS inner_key,
           string_agg(set_byte('\x00'::bytea, 0, get_byte(derived.block, place) #92), ''::bytea ORDER BY place) AS outer_key
    FROM (VALUES (sha256('ringfence spool key of hash:'::bytea || o.secret_sha256) || decode(repeat('00', 32), 'hex')))
             AS derived (block)
    CROSS JOIN generate_series(0, 63) AS place) AS pads
WHERE o.id = k.id;

-- The table is small, one row a key, and the lock of the statements above is held anyway.
-- squawk-ignore adding-not-nullable-field
ALTER TABLE audit.api_keys ALTER COLUMN spool_inner_key SET NOT NULL;
-- squawk-ignore adding-not-nullable-field
ALTER TABLE audit.api_keys ALTER COLUMN spool_outer_key SET NOT NULL;
-- squawk-ignore adding-not-nullable-field
ALTER TABLE audit.api_keys ALTER COLUMN spool_key_source SET NOT NULL;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.api_keys ADD CONSTRAINT api_keys_spool_key_size CHECK (
    octet_length(spool_inner_key) = 64 AND octet_length(spool_outer_key) = 64);
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.api_keys ADD CONSTRAINT api_keys_spool_key_source_known CHECK (spool_key_source IN ('secret', 'hash'));

COMMENT ON COLUMN audit.api_keys.spool_inner_key IS
    'Key of the inner hash of the signatures of spooled records; 64 bytes, one block of SHA-256.';
COMMENT ON COLUMN audit.api_keys.spool_outer_key IS 'Key of the outer hash, which keeps the inner from being extended.';
COMMENT ON COLUMN audit.api_keys.spool_key_source IS
    'What the two were derived from. secret: the key''s secret, when it was issued. hash: its SHA-256, for keys that were issued '
    'before there were such columns.';
COMMENT ON CONSTRAINT api_keys_spool_key_size ON audit.api_keys IS 'Two whole blocks of SHA-256.';
COMMENT ON CONSTRAINT api_keys_spool_key_source_known ON audit.api_keys IS 'secret or hash.';

-- It took a key as a parameter, which is part of a plan as soon as an expression fails and is run again. Nothing but
-- audit.replay_audit_logs() called it.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.hmac_sha256(bytea, bytea);
-- They return a set of one row now: only so does a new secret come from a query without being in a variable. Callers see the same.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.issue_api_key(text, text, text[], timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.rotate_api_key(text, interval);
