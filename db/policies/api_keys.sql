-- Who may do what with audit.api_keys: nobody but the functions that run as audit_owner, as which nobody connects.
-- No role has a privilege on this table, so these policies stand for the owner alone, whom FORCE binds as well.

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
