-- Who may do what with audit.retention: audit.set_retention() and audit.list_retention() run as audit_owner; audit_keeper moves the pass over due
-- records on, of the tenant that it has proven.

ALTER TABLE audit.retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.retention FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.retention FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE DELETE, TRUNCATE ON audit.retention FROM audit_owner;
GRANT SELECT ON audit.retention TO audit_keeper;
GRANT UPDATE (pruned_at, pass_mode, pass_time, pass_id) ON audit.retention TO audit_keeper;   -- not the terms

DROP POLICY IF EXISTS owner_keeps_retention ON audit.retention;
CREATE POLICY owner_keeps_retention ON audit.retention
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_retention ON audit.retention IS
    'For audit.set_retention() and audit.list_retention(), which run as audit_owner for administrators and for audit_retention.';

-- No key has the scope keep.
DROP POLICY IF EXISTS keeper_reads_proven_tenant ON audit.retention;
CREATE POLICY keeper_reads_proven_tenant ON audit.retention
    FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_proven_tenant ON audit.retention IS
    'For audit.prune_records(), which proves each tenant in turn, with the scope keep.';

DROP POLICY IF EXISTS keeper_reads_only_proven_tenant ON audit.retention;
CREATE POLICY keeper_reads_only_proven_tenant ON audit.retention
    AS RESTRICTIVE FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_only_proven_tenant ON audit.retention IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keeper_moves_on_for_proven_tenant ON audit.retention;
CREATE POLICY keeper_moves_on_for_proven_tenant ON audit.retention
    FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_moves_on_for_proven_tenant ON audit.retention IS
    'For audit.prune_records(). The column grants leave the terms alone.';

DROP POLICY IF EXISTS keeper_moves_on_only_for_proven_tenant ON audit.retention;
CREATE POLICY keeper_moves_on_only_for_proven_tenant ON audit.retention
    AS RESTRICTIVE FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_moves_on_only_for_proven_tenant ON audit.retention IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';
