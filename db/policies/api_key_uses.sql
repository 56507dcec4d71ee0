-- Who may do what with audit.api_key_uses: nobody but the functions that run as audit_owner, as which nobody connects.

ALTER TABLE audit.api_key_uses ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.api_key_uses FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.api_key_uses FROM PUBLIC, audit_trusted, audit_keyed, audit_admin;
REVOKE DELETE, TRUNCATE ON audit.api_key_uses FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_api_key_uses ON audit.api_key_uses;
CREATE POLICY owner_keeps_api_key_uses ON audit.api_key_uses
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_api_key_uses ON audit.api_key_uses IS
    'For audit.record_api_key_use() and the functions of audit_admin, which run as audit_owner.';
