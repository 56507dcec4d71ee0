-- What makes a request repeatable: the Idempotency-Keys that were used, with what was sent under them and answered.

CREATE TABLE audit.idempotency_keys (
    tenant_id   text NOT NULL CONSTRAINT idempotency_keys_tenant_id_fkey REFERENCES audit.tenants (id),
    key         text NOT NULL,
    body_sha256 bytea NOT NULL,
    answer      text NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key),
    CONSTRAINT idempotency_keys_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT idempotency_keys_key_size CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_body_sha256_size CHECK (octet_length(body_sha256) = 32),
    CONSTRAINT idempotency_keys_answer_size CHECK (length(answer) BETWEEN 1 AND 1000)
);
CREATE INDEX idempotency_keys_tenant_id_created_at_idx ON audit.idempotency_keys (tenant_id, created_at DESC);

COMMENT ON TABLE audit.idempotency_keys IS
    'The Idempotency-Keys of each tenant''s requests, for 24 hours. Written in the transaction of the records themselves, by '
    'audit.claim_idempotency_key() alone: no run-time role has any privilege here.';
COMMENT ON COLUMN audit.idempotency_keys.tenant_id IS 'Whose key it is. The same key of another tenant is another key.';
COMMENT ON COLUMN audit.idempotency_keys.key IS 'What the caller sent as Idempotency-Key.';
COMMENT ON COLUMN audit.idempotency_keys.body_sha256 IS 'SHA-256 of what was sent with it; the body itself is not kept.';
COMMENT ON COLUMN audit.idempotency_keys.answer IS 'What was answered, and is answered again. JSON, and nothing of the records but an id.';
COMMENT ON COLUMN audit.idempotency_keys.created_at IS 'When it was used first: the start of that transaction.';
COMMENT ON CONSTRAINT idempotency_keys_pkey ON audit.idempotency_keys IS 'One use of a key by a tenant; the second at once waits here.';
COMMENT ON CONSTRAINT idempotency_keys_tenant_id_fkey ON audit.idempotency_keys IS 'No key of a tenant that does not exist.';
COMMENT ON CONSTRAINT idempotency_keys_tenant_id_form ON audit.idempotency_keys IS 'As in every table that holds tenants.';
COMMENT ON CONSTRAINT idempotency_keys_key_size ON audit.idempotency_keys IS '1 to 255 characters.';
COMMENT ON CONSTRAINT idempotency_keys_body_sha256_size ON audit.idempotency_keys IS 'A whole SHA-256.';
COMMENT ON CONSTRAINT idempotency_keys_answer_size ON audit.idempotency_keys IS '1 to 1,000 characters.';
COMMENT ON INDEX audit.idempotency_keys_tenant_id_created_at_idx IS 'Finds the tenant''s keys that are out of date.';

-- Closed until its page in db/policies opens it: no moment exists in which the table is unprotected.
ALTER TABLE audit.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.idempotency_keys FORCE ROW LEVEL SECURITY;
