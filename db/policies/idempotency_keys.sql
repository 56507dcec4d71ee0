-- Who may do what with audit.idempotency_keys: nobody but audit.claim_idempotency_key(), which runs as audit_owner, and that
-- for its caller's own tenant.

ALTER TABLE audit.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.idempotency_keys FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.idempotency_keys FROM PUBLIC, audit_trusted, audit_keyed, audit_admin;
REVOKE TRUNCATE ON audit.idempotency_keys FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_keys_of_writing_tenant ON audit.idempotency_keys;
CREATE POLICY owner_keeps_keys_of_writing_tenant ON audit.idempotency_keys
    FOR ALL TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.writing_tenant()))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.writing_tenant()));
COMMENT ON POLICY owner_keeps_keys_of_writing_tenant ON audit.idempotency_keys IS
    'For audit.claim_idempotency_key(). A caller that must prove a tenant reaches the keys of that one alone: without a proof '
    'the owner sees and stores nothing.';
