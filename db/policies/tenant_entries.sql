-- Who may do what with audit.tenant_entries: nobody but audit.enter_tenant(), which runs as audit_owner.

ALTER TABLE audit.tenant_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.tenant_entries FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.tenant_entries FROM PUBLIC, audit_trusted, audit_keyed, audit_admin;
REVOKE UPDATE, TRUNCATE ON audit.tenant_entries FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_tenant_entries ON audit.tenant_entries;
CREATE POLICY owner_keeps_tenant_entries ON audit.tenant_entries
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_tenant_entries ON audit.tenant_entries IS
    'For audit.enter_tenant(), which runs as audit_owner.';
