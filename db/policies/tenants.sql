-- Who may do what with audit.tenants. No role has UPDATE, DELETE or TRUNCATE; rows come from audit.create_tenant().

ALTER TABLE audit.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.tenants FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.tenants FROM PUBLIC, audit_trusted, audit_keyed, audit_admin;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.tenants FROM audit_owner;
-- A foreign key locks the row it refers to as the owner, which takes UPDATE of some column. No policy allows an UPDATE.
GRANT UPDATE (created_at) ON audit.tenants TO audit_owner;
GRANT SELECT ON audit.tenants TO audit_trusted;

DROP POLICY IF EXISTS trusted_reads_own_tenant ON audit.tenants;
CREATE POLICY trusted_reads_own_tenant ON audit.tenants
    FOR SELECT TO audit_trusted
    USING (id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_reads_own_tenant ON audit.tenants IS
    'A transaction reads the row of the tenant it is set to, and no other. No tenant set: no row.';

-- FORCE binds the owner as well, and audit.create_tenant() runs as the owner. Nobody connects as audit_owner.
DROP POLICY IF EXISTS owner_creates_tenants ON audit.tenants;
CREATE POLICY owner_creates_tenants ON audit.tenants
    FOR INSERT TO audit_owner
    WITH CHECK (true);
COMMENT ON POLICY owner_creates_tenants ON audit.tenants IS
    'For audit.create_tenant() alone, which runs as audit_owner. It adds rows.';

-- The second line: a permissive policy that somebody adds one day can widen nothing for this role.
DROP POLICY IF EXISTS trusted_stays_in_own_tenant ON audit.tenants;
CREATE POLICY trusted_stays_in_own_tenant ON audit.tenants
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (id = current_setting('app.tenant_id', true))
    WITH CHECK (id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_stays_in_own_tenant ON audit.tenants IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS owner_lists_tenants ON audit.tenants;
CREATE POLICY owner_lists_tenants ON audit.tenants
    FOR SELECT TO audit_owner
    USING (true);
COMMENT ON POLICY owner_lists_tenants ON audit.tenants IS
    'For audit.list_tenants(), which runs as audit_owner for audit_admin. The register holds names, no records.';
