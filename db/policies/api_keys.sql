-- Who may do what with audit.api_keys: only functions that run as audit_owner have access. No login uses that role.
-- These policies apply to the owner only; FORCE makes row-level security apply to it.

ALTER TABLE audit.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.api_keys FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.api_keys FROM PUBLIC, audit_trusted, audit_keyed, audit_admin;
REVOKE DELETE, TRUNCATE ON audit.api_keys FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_api_keys ON audit.api_keys;
CREATE POLICY owner_keeps_api_keys ON audit.api_keys
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_api_keys ON audit.api_keys IS
    'For audit.enter_tenant() and the functions of audit_admin, which run as audit_owner.';
