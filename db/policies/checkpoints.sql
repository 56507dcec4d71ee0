-- Who may do what with audit.checkpoints. Append-only: no role has UPDATE, DELETE or TRUNCATE, and no policy allows them. Checkpoints
-- come from audit.store_checkpoint(), which runs as audit_owner for audit_signer.

ALTER TABLE audit.checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.checkpoints FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.checkpoints FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.checkpoints FROM audit_owner;   -- an attempt fails, instead of touching no rows
GRANT SELECT ON audit.checkpoints TO audit_trusted;
GRANT SELECT (tenant_id, epoch, size) ON audit.checkpoints TO audit_keeper;

DROP POLICY IF EXISTS trusted_reads_own_tenant ON audit.checkpoints;
CREATE POLICY trusted_reads_own_tenant ON audit.checkpoints
    FOR SELECT TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_reads_own_tenant ON audit.checkpoints IS
    'A transaction reads the checkpoints of the tenant it is set to. No tenant set: no rows.';

DROP POLICY IF EXISTS trusted_stays_in_own_tenant ON audit.checkpoints;
CREATE POLICY trusted_stays_in_own_tenant ON audit.checkpoints
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_stays_in_own_tenant ON audit.checkpoints IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- audit_keyed has no SELECT, as on audit.audit_logs. The policies bind it all the same, should it be granted one day.
DROP POLICY IF EXISTS keyed_reads_proven_tenant ON audit.checkpoints;
CREATE POLICY keyed_reads_proven_tenant ON audit.checkpoints
    FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_proven_tenant ON audit.checkpoints IS
    'A transaction reads the checkpoints of the tenant that a key with the scope read has proven.';

DROP POLICY IF EXISTS keyed_reads_only_proven_tenant ON audit.checkpoints;
CREATE POLICY keyed_reads_only_proven_tenant ON audit.checkpoints
    AS RESTRICTIVE FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_only_proven_tenant ON audit.checkpoints IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- app.scope is what each function sets for itself.
DROP POLICY IF EXISTS owner_reads_proven_tenant ON audit.checkpoints;
CREATE POLICY owner_reads_proven_tenant ON audit.checkpoints
    FOR SELECT TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true)
           AND tenant_id = (SELECT audit.proven_tenant(current_setting('app.scope', true))));
COMMENT ON POLICY owner_reads_proven_tenant ON audit.checkpoints IS
    'For the functions that read on behalf of audit_keyed, scope read, that seal, scope seal, and that serve the signer, scope '
    'sign. Without a proof of the tenant the owner sees nothing.';

DROP POLICY IF EXISTS owner_reads_for_signers ON audit.checkpoints;
CREATE POLICY owner_reads_for_signers ON audit.checkpoints
    FOR SELECT TO audit_owner
    USING (current_setting('app.scope', true) = 'sign' AND pg_has_role(session_user, 'audit_signer', 'MEMBER'));
COMMENT ON POLICY owner_reads_for_signers ON audit.checkpoints IS
    'For audit.list_tree_heads(), which runs as audit_owner for a login that is a member of audit_signer, and sets the scope sign '
    'for itself. No login of a service is a member, whatever it sets.';

-- No key has the scope sign.
DROP POLICY IF EXISTS owner_signs_for_proven_tenant ON audit.checkpoints;
CREATE POLICY owner_signs_for_proven_tenant ON audit.checkpoints
    FOR INSERT TO audit_owner
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('sign')));
COMMENT ON POLICY owner_signs_for_proven_tenant ON audit.checkpoints IS
    'For audit.store_checkpoint(), which proves the tenant whose checkpoint it stores, with the scope sign.';

-- Append-only, whatever is granted one day.
DROP POLICY IF EXISTS nobody_changes_a_checkpoint ON audit.checkpoints;
CREATE POLICY nobody_changes_a_checkpoint ON audit.checkpoints
    AS RESTRICTIVE FOR UPDATE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_changes_a_checkpoint ON audit.checkpoints IS
    'No permissive policy allows it either; this one holds beside any that is added.';

DROP POLICY IF EXISTS nobody_deletes_a_checkpoint ON audit.checkpoints;
CREATE POLICY nobody_deletes_a_checkpoint ON audit.checkpoints
    AS RESTRICTIVE FOR DELETE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_deletes_a_checkpoint ON audit.checkpoints IS
    'No permissive policy allows it either; this one holds beside any that is added.';

-- No key has the scope keep.
DROP POLICY IF EXISTS keeper_reads_proven_tenant ON audit.checkpoints;
CREATE POLICY keeper_reads_proven_tenant ON audit.checkpoints
    FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_proven_tenant ON audit.checkpoints IS
    'For audit.fold_tiles(), which asks which sizes were signed.';

DROP POLICY IF EXISTS keeper_reads_only_proven_tenant ON audit.checkpoints;
CREATE POLICY keeper_reads_only_proven_tenant ON audit.checkpoints
    AS RESTRICTIVE FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_only_proven_tenant ON audit.checkpoints IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';
