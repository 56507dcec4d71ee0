-- Who may do what with audit.legal_holds: the functions of audit_admin run as audit_owner; audit_keeper asks which records are held, and erases
-- the person from holds that were released, of the tenant that it has proven.

ALTER TABLE audit.legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.legal_holds FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.legal_holds FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE DELETE, TRUNCATE ON audit.legal_holds FROM audit_owner;
GRANT SELECT ON audit.legal_holds TO audit_keeper;
GRANT UPDATE (user_id, reason, release_reason) ON audit.legal_holds TO audit_keeper;

DROP POLICY IF EXISTS owner_keeps_legal_holds ON audit.legal_holds;
CREATE POLICY owner_keeps_legal_holds ON audit.legal_holds
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_legal_holds ON audit.legal_holds IS
    'For the functions that place, list and release holds, which run as audit_owner for administrators.';

-- No key has the scope keep.
DROP POLICY IF EXISTS keeper_reads_proven_tenant ON audit.legal_holds;
CREATE POLICY keeper_reads_proven_tenant ON audit.legal_holds
    FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_proven_tenant ON audit.legal_holds IS
    'For the functions that prune and erase, which prove each tenant in turn, with the scope keep.';

DROP POLICY IF EXISTS keeper_reads_only_proven_tenant ON audit.legal_holds;
CREATE POLICY keeper_reads_only_proven_tenant ON audit.legal_holds
    AS RESTRICTIVE FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_only_proven_tenant ON audit.legal_holds IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keeper_erases_for_proven_tenant ON audit.legal_holds;
CREATE POLICY keeper_erases_for_proven_tenant ON audit.legal_holds
    FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep'))
                AND user_id IS NULL AND released_at IS NOT NULL);
COMMENT ON POLICY keeper_erases_for_proven_tenant ON audit.legal_holds IS
    'For audit.erase_user(): what names a person can be emptied in holds that were released.';

DROP POLICY IF EXISTS keeper_erases_only_for_proven_tenant ON audit.legal_holds;
CREATE POLICY keeper_erases_only_for_proven_tenant ON audit.legal_holds
    AS RESTRICTIVE FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep'))
                AND user_id IS NULL AND released_at IS NOT NULL);
COMMENT ON POLICY keeper_erases_only_for_proven_tenant ON audit.legal_holds IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';
