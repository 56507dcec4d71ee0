-- Proven tenants: the keys, the secret that makes proofs, what a proof is bound to, and the record of who administered.

GRANT USAGE ON SCHEMA audit TO audit_keyed;

CREATE TABLE audit.api_keys (
    id            text CONSTRAINT api_keys_pkey PRIMARY KEY,
    tenant_id     text NOT NULL CONSTRAINT api_keys_tenant_id_fkey REFERENCES audit.tenants (id),
    label         text NOT NULL,
    scopes        text[] NOT NULL,
    secret_sha256 bytea NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    CONSTRAINT api_keys_id_form CHECK (id ~ '^[0-9a-f]{16}$'),
    CONSTRAINT api_keys_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT api_keys_label_size CHECK (length(label) BETWEEN 1 AND 200),
    CONSTRAINT api_keys_scopes_known CHECK (scopes <@ ARRAY['read', 'write'] AND cardinality(scopes) BETWEEN 1 AND 2),
    CONSTRAINT api_keys_secret_sha256_size CHECK (octet_length(secret_sha256) = 32)
);

COMMENT ON TABLE audit.api_keys IS
    'The API keys, without their secrets. No run-time role has any privilege here; audit.enter_tenant() looks a key up.';
COMMENT ON COLUMN audit.api_keys.id IS 'The public part of the key, rf_<id>_<secret>. Names it in lists and logs.';
COMMENT ON COLUMN audit.api_keys.tenant_id IS 'The one tenant that the key opens.';
COMMENT ON COLUMN audit.api_keys.label IS 'For people: where the key is used.';
COMMENT ON COLUMN audit.api_keys.scopes IS 'What the key may do: read, write. The policies enforce it.';
COMMENT ON COLUMN audit.api_keys.secret_sha256 IS
    'SHA-256 of the 256-bit secret. Random secrets need no slow hash: there is nothing to guess from.';
COMMENT ON COLUMN audit.api_keys.created_at IS 'When it was issued.';
COMMENT ON COLUMN audit.api_keys.expires_at IS 'From when on it opens nothing. NULL: never.';
COMMENT ON COLUMN audit.api_keys.revoked_at IS 'When it was revoked. NULL: it was not.';
COMMENT ON CONSTRAINT api_keys_pkey ON audit.api_keys IS 'One key an id.';
COMMENT ON CONSTRAINT api_keys_tenant_id_fkey ON audit.api_keys IS 'No key for a tenant that does not exist.';
COMMENT ON CONSTRAINT api_keys_id_form ON audit.api_keys IS '16 hexadecimal digits.';
COMMENT ON CONSTRAINT api_keys_tenant_id_form ON audit.api_keys IS 'As in every table that holds tenants.';
COMMENT ON CONSTRAINT api_keys_label_size ON audit.api_keys IS '1 to 200 characters.';
COMMENT ON CONSTRAINT api_keys_scopes_known ON audit.api_keys IS 'read, write, or both.';
COMMENT ON CONSTRAINT api_keys_secret_sha256_size ON audit.api_keys IS 'A whole SHA-256.';

-- A table of its own: whoever writes here in a transaction that stays open keeps nobody from revoking the key.
CREATE TABLE audit.api_key_uses (
    api_key_id   text CONSTRAINT api_key_uses_pkey PRIMARY KEY
                 CONSTRAINT api_key_uses_api_key_id_fkey REFERENCES audit.api_keys (id),
    last_used_at timestamptz
) WITH (fillfactor = 70);

COMMENT ON TABLE audit.api_key_uses IS 'When each key was last used. One row a key, made when it is issued.';
COMMENT ON COLUMN audit.api_key_uses.api_key_id IS 'The key.';
COMMENT ON COLUMN audit.api_key_uses.last_used_at IS
    'The hour in which it was last used: written at most once an hour, so that use stays cheap. NULL: never.';
COMMENT ON CONSTRAINT api_key_uses_pkey ON audit.api_key_uses IS 'One row a key.';
COMMENT ON CONSTRAINT api_key_uses_api_key_id_fkey ON audit.api_key_uses IS 'No use of a key that does not exist.';

CREATE TABLE audit.proof_secrets (
    id          bigint CONSTRAINT proof_secrets_pkey PRIMARY KEY,
    inner_key   bytea NOT NULL,
    outer_key   bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    replaced_at timestamptz,
    CONSTRAINT proof_secrets_key_size CHECK (octet_length(inner_key) = 64 AND octet_length(outer_key) = 64)
);
CREATE UNIQUE INDEX proof_secrets_current_idx ON audit.proof_secrets ((replaced_at IS NULL)) WHERE replaced_at IS NULL;

COMMENT ON TABLE audit.proof_secrets IS
    'What only the database knows: with it audit.enter_tenant() makes a proof, and the policies check it. One row is '
    'used; one that was replaced still checks for thirty seconds, so that audit.rotate_proof_secret() interrupts nobody.';
COMMENT ON COLUMN audit.proof_secrets.id IS 'Counts up. A proof names the secret that it was made with.';
COMMENT ON COLUMN audit.proof_secrets.inner_key IS 'Key of the inner hash; 64 bytes, one block of SHA-256.';
COMMENT ON COLUMN audit.proof_secrets.outer_key IS 'Key of the outer hash, which keeps the inner from being extended.';
COMMENT ON COLUMN audit.proof_secrets.created_at IS 'When it was made.';
COMMENT ON COLUMN audit.proof_secrets.replaced_at IS 'When another took its place. NULL: it is the one in use.';
COMMENT ON CONSTRAINT proof_secrets_pkey ON audit.proof_secrets IS 'One secret an id.';
COMMENT ON INDEX audit.proof_secrets_current_idx IS 'One secret is in use.';
COMMENT ON CONSTRAINT proof_secrets_key_size ON audit.proof_secrets IS 'Two whole blocks of SHA-256.';

-- The first secret. Each UUID brings 122 bits from the server's strong random source.
INSERT INTO audit.proof_secrets (id, inner_key, outer_key, created_at)
SELECT 1,
       uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
       uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
       now();

-- UNLOGGED: worthless after a crash, when no transaction is left that it could speak of. Room on each page, so that the
-- update of every transaction stays within its page and touches no index.
CREATE UNLOGGED TABLE audit.tenant_entries (
    backend_pid int CONSTRAINT tenant_entries_pkey PRIMARY KEY,
    entries     bigint NOT NULL
) WITH (fillfactor = 10);

COMMENT ON TABLE audit.tenant_entries IS
    'One row a backend, updated by audit.enter_tenant(). Only the update''s transaction number matters: it is the number of '
    'the innermost subtransaction, which PostgreSQL tells in no other way. A proof bound to it dies with a savepoint.';
COMMENT ON COLUMN audit.tenant_entries.backend_pid IS 'The backend that entered a tenant.';
COMMENT ON COLUMN audit.tenant_entries.entries IS 'How often, since the row was made.';
COMMENT ON CONSTRAINT tenant_entries_pkey ON audit.tenant_entries IS 'One row a backend.';

CREATE TABLE audit.admin_events (
    id         uuid CONSTRAINT admin_events_pkey PRIMARY KEY,
    tenant_id  text CONSTRAINT admin_events_tenant_id_fkey REFERENCES audit.tenants (id),
    act        text NOT NULL,
    api_key_id text,
    actor      text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT admin_events_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT admin_events_act_known CHECK (act IN (
        'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported'))
);
CREATE INDEX admin_events_tenant_id_created_at_idx ON audit.admin_events (tenant_id, created_at DESC);

COMMENT ON TABLE audit.admin_events IS
    'Every administrative act, and every export, append-only: written by the function that acts, in its transaction, and read '
    'by the tenant that it concerns.';
COMMENT ON COLUMN audit.admin_events.id IS 'UUID version 7.';
COMMENT ON COLUMN audit.admin_events.tenant_id IS 'Whom it concerns. NULL: no tenant alone.';
COMMENT ON COLUMN audit.admin_events.act IS 'What was done.';
COMMENT ON COLUMN audit.admin_events.api_key_id IS 'To which key, where it was a key; with which, where records were exported.';
COMMENT ON COLUMN audit.admin_events.actor IS 'The login role that did it; no SET ROLE hides it.';
COMMENT ON COLUMN audit.admin_events.created_at IS 'The database''s clock at the start of the transaction.';
COMMENT ON CONSTRAINT admin_events_pkey ON audit.admin_events IS 'An act is recorded once.';
COMMENT ON CONSTRAINT admin_events_tenant_id_fkey ON audit.admin_events IS 'No act on a tenant that does not exist.';
COMMENT ON CONSTRAINT admin_events_tenant_id_form ON audit.admin_events IS 'As in every table that holds tenants.';
COMMENT ON CONSTRAINT admin_events_act_known ON audit.admin_events IS 'One of the acts that have a function.';
COMMENT ON INDEX audit.admin_events_tenant_id_created_at_idx IS 'Serves a tenant''s list of acts.';

-- Closed until their pages in db/policies open them: no moment exists in which a table is unprotected.
ALTER TABLE audit.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.api_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.api_key_uses ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.api_key_uses FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.proof_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.proof_secrets FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.tenant_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.tenant_entries FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.admin_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.admin_events FORCE ROW LEVEL SECURITY;
